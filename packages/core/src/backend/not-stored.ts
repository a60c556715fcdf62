import type { WaybillError } from "../errors.ts";

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

/** Whether the error is marked by `notStored`. Never throws. */
export const isNotStored = (error: WaybillError): boolean => NOTHING_STORED in error;
