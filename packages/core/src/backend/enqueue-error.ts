import { EnqueueUnknownError, isWaybillError } from "../errors.ts";
import { isNotStored } from "./not-stored.ts";

/** What `enqueue` rejects with: `BACKEND_UNAVAILABLE` only if nothing was stored, else `ENQUEUE_UNKNOWN` with the id. */
export function enqueueError(thrown: unknown, id: string, uniqueIds: boolean): unknown {
  if (!isWaybillError(thrown, "BACKEND_UNAVAILABLE") || isNotStored(thrown)) return thrown;
  const remedy = uniqueIds
    ? "enqueue it again with that id: it is stored once, and ID_CONFLICT says that it was there"
    : "enqueued again with that id it may run twice, each time under that id";
  const message = `${thrown.message}; whether job "${id}" is stored is unknown: ${remedy}`;
  return new EnqueueUnknownError(id, message, { cause: thrown });
}
