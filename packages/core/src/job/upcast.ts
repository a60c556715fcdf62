import type { JsonValue } from "../envelope/index.ts";
import { PayloadError, WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import { errorMessage } from "../values/thrown.ts";

/** By version: converts a payload of that version to the next. For a positional job the payload is the whole list. */
export type Upcasters = Readonly<Record<number, (payload: unknown) => unknown>>;

interface Upcast {
  readonly type: string;
  readonly version: number;
  readonly upcasters: Upcasters;
  readonly positional: boolean;
}

/** Throws `CONFIG_INVALID` for an upcaster that is no function, and for a version that no payload can have. */
export function checkUpcasters(upcasters: Upcasters, version: number, type: string): void {
  if (typeof upcasters !== "object" || upcasters === null || Array.isArray(upcasters)) {
    const given = describeValue(upcasters);
    throw new WaybillError("CONFIG_INVALID", `upcasters of "${type}" is ${given}: pass { 1: (payload) => … }`);
  }
  for (const from of Object.keys(upcasters).map(Number)) {
    const step: unknown = upcasters[from];
    if (step !== undefined && typeof step !== "function") {
      const given = describeValue(step);
      throw new WaybillError(
        "CONFIG_INVALID",
        `upcasters[${from}] of "${type}" is ${given}: pass a function of (payload)`,
      );
    }
    if (Number.isSafeInteger(from) && from >= 1 && from < version) continue;
    const range = version === 1 ? "there is none before version 1" : `give those from 1 to ${version - 1}`;
    throw new WaybillError("CONFIG_INVALID", `upcasters of "${type}" has one from version ${from}: ${range}`);
  }
}

/** Converts arguments of version `from` to the version known here. A version without an upcaster is read as the next one. */
export function upcast(
  { type, version, upcasters, positional }: Upcast,
  from: number,
  args: readonly JsonValue[],
): readonly JsonValue[] {
  if (from >= version) return args;
  const [first, ...others] = args as [JsonValue, ...JsonValue[]];
  let payload: unknown = positional ? args : first;
  for (let at = from; at < version; at++) {
    const step = upcasters[at];
    if (step === undefined) continue;
    try {
      payload = step(payload);
    } catch (thrown) {
      const message = `the upcaster from version ${at} threw: ${errorMessage(thrown)}`;
      throw new PayloadError(type, [{ path: "", message }]);
    }
  }
  // The schema, which every positional job has, checks the result of an upcaster.
  return positional ? (payload as readonly JsonValue[]) : [payload as JsonValue, ...others];
}
