import { EnqueueUnknownError, isWaybillError } from "../errors.ts";
import type { Message } from "./contract.ts";
import { isNotStored } from "./not-stored.ts";
import { errorCode, errorMessage } from "../values/thrown.ts";

type Label = Pick<Message, "id" | "type" | "queue">;

/** The event bus of a connection, as far as a seam uses it. */
export interface EnqueueFailures {
  emit(name: "enqueue_failed", event: Label & { readonly code: string; readonly message: string }): void;
}

/** Reports what `enqueue` rejects with, and returns it. */
export function enqueueError(
  thrown: unknown,
  { id, type, queue }: Label,
  uniqueIds: boolean,
  { events }: { readonly events?: EnqueueFailures | undefined },
): unknown {
  const error = errorOf(thrown, id, uniqueIds);
  events?.emit("enqueue_failed", { id, type, queue, code: errorCode(error), message: errorMessage(error) });
  return error;
}

/** `BACKEND_UNAVAILABLE` only if nothing was stored, else `ENQUEUE_UNKNOWN` with the id. */
function errorOf(thrown: unknown, id: string, uniqueIds: boolean): unknown {
  if (!isWaybillError(thrown, "BACKEND_UNAVAILABLE") || isNotStored(thrown)) return thrown;
  const remedy = uniqueIds
    ? "enqueue it again with that id: it is stored once, and ID_CONFLICT says that it was there"
    : "enqueued again with that id it may run twice, each time under that id";
  const message = `${thrown.message}; whether job "${id}" is stored is unknown: ${remedy}`;
  return new EnqueueUnknownError(id, message, { cause: thrown });
}
