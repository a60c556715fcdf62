import { type Duration, WaybillError } from "@waybill/core";
import { timerMs } from "@waybill/core/door";

/** Milliseconds, more than 0 and no more than a timer takes. Throws `CONFIG_INVALID` naming the option. */
export function positiveMs(value: Duration, name: string): number {
  const ms = timerMs(value, name);
  if (ms > 0) return ms;
  throw new WaybillError("CONFIG_INVALID", `${name} is ${ms} ms: more than 0`);
}
