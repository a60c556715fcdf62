import { WaybillError } from "../errors.ts";
import { errorMessage, toError } from "../values/thrown.ts";
import { isOfBackend } from "./own-errors.ts";

/** Returns an error that a backend may reject with as it is, and any other value as `BACKEND_UNAVAILABLE` with its cause. */
export function asUnavailable(thrown: unknown): WaybillError {
  if (isOfBackend(thrown)) return thrown;
  const error = toError(thrown);
  return new WaybillError("BACKEND_UNAVAILABLE", `the backend failed: ${errorMessage(error)}`, { cause: error });
}
