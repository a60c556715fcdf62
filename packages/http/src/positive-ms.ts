import { type Duration, WaybillError } from "@waybill/core";
import { durationMs } from "@waybill/core/door";

/** Milliseconds, more than 0. Throws `CONFIG_INVALID` naming the option. */
export function positiveMs(value: Duration, name: string): number {
  const ms = durationMs(value, name);
  if (ms > 0) return ms;
  throw new WaybillError("CONFIG_INVALID", `${name} is ${ms} ms: more than 0`);
}
