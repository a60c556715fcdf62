import { type Duration, WaybillError } from "@waybill/core";
import { timerMs } from "@waybill/core/endpoint";

/** Returns milliseconds above 0 and within the limit of a timer. Throws `CONFIG_INVALID`, which names the option. */
export function positiveMs(value: Duration, name: string): number {
  const ms = timerMs(value, name);
  if (ms > 0) return ms;
  throw new WaybillError("CONFIG_INVALID", `${name} is ${ms} ms: give more than 0`);
}
