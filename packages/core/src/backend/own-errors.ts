import { isWaybillError, type WaybillError, type WaybillErrorCode } from "../errors.ts";

const KNOWN: ReadonlySet<WaybillErrorCode> = new Set([
  "LEASE_LOST",
  "ID_CONFLICT",
  "DUPLICATE_JOB",
  "CAPABILITY_MISSING",
  "CONFIG_INVALID",
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
  "NOT_REPLICATED",
]);

/** Whether it is an error of ours that a backend may reject with. */
export function isOfBackend(thrown: unknown): thrown is WaybillError {
  return isWaybillError(thrown) && KNOWN.has(thrown.code);
}
