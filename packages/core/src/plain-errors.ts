import { isWaybillError, WaybillError, type WaybillErrorCode } from "./errors.ts";
import { errorMessage, toError } from "./thrown.ts";

const KNOWN: ReadonlySet<WaybillErrorCode> = new Set([
  "LEASE_LOST",
  "ID_CONFLICT",
  "CAPABILITY_MISSING",
  "CONFIG_INVALID",
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
]);

/** Settles as `work` does. Rejects with an error of ours: what a driver lets through is `BACKEND_UNAVAILABLE` with its cause. */
export function plain<T>(work: Promise<T>): Promise<T> {
  return work.catch((thrown: unknown) => {
    throw asUnavailable(thrown);
  });
}

/** Returns an error that a backend may reject with as it is, and any other value as `BACKEND_UNAVAILABLE`. */
export function asUnavailable(thrown: unknown): WaybillError {
  if (isWaybillError(thrown) && KNOWN.has(thrown.code)) return thrown;
  const error = toError(thrown);
  return new WaybillError("BACKEND_UNAVAILABLE", `the backend failed: ${errorMessage(error)}`, { cause: error });
}
