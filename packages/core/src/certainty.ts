import { EnqueueUnknownError, isWaybillError, type WaybillError } from "./errors.ts";

/** A symbol, so that no data can carry it; registered, so that two copies of this package agree on it. */
const NOTHING_STORED = Symbol.for("waybill.nothing-stored");

/**
 * For backends: marks a `BACKEND_UNAVAILABLE` of `enqueue` as certain. The message was never sent, or the server refused
 * it, so that it is not stored and never will be. Without the mark it counts as unknown whether the message is stored.
 * Returns the error. Never throws.
 */
export function notStored(error: WaybillError): WaybillError {
  return Object.defineProperty(error, NOTHING_STORED, { value: true });
}

/** What `enqueue` rejects with: `BACKEND_UNAVAILABLE` only if nothing was stored, else `ENQUEUE_UNKNOWN` with the id. */
export function enqueueError(thrown: unknown, id: string, uniqueIds: boolean): unknown {
  if (!isWaybillError(thrown, "BACKEND_UNAVAILABLE") || NOTHING_STORED in thrown) return thrown;
  const remedy = uniqueIds
    ? "enqueue it again with that id: it is stored once, and ID_CONFLICT says that it was there"
    : "enqueued again with that id it may run twice, each time under that id";
  const message = `${thrown.message}; whether job "${id}" is stored is unknown: ${remedy}`;
  return new EnqueueUnknownError(id, message, { cause: thrown });
}
