import { WaybillError } from "@waybill/core";
import { describeValue } from "@waybill/core/backend";

/** Returns the error that stops the application from starting. */
export function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/** Throws `CONFIG_INVALID` unless the value is a definition. `who` begins the error's sentence. */
export function assertDefined(definition: unknown, who: string): void {
  if (typeof definition === "object" && definition !== null && "type" in definition && "schema" in definition) return;
  throw configError(`${who} is ${describeValue(definition)}: pass what defineJob(…) returned`);
}
