import { WaybillError } from "@waybill/core";

/** An application that is put together wrongly does not start. */
export function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
