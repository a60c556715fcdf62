import type { JsonValue } from "./envelope/index.ts";
import { PayloadError, WaybillError } from "./errors.ts";
import { errorMessage } from "./thrown.ts";

/** By version: makes of a payload of that version one of the next; of a positional job, of its whole list. */
export type Upcasters = Readonly<Record<number, (payload: unknown) => unknown>>;

interface Upcast {
  readonly type: string;
  readonly version: number;
  readonly upcasters: Upcasters;
  readonly positional: boolean;
}

/** Throws `CONFIG_INVALID` for a version that no payload can have. */
export function checkUpcasters(upcasters: Upcasters, version: number, type: string): void {
  for (const from of Object.keys(upcasters).map(Number)) {
    if (Number.isSafeInteger(from) && from >= 1 && from < version) continue;
    const range = version === 1 ? "there is none before version 1" : `give those from 1 to ${version - 1}`;
    throw new WaybillError("CONFIG_INVALID", `upcasters of "${type}" has one from version ${from}: ${range}`);
  }
}

/** The arguments as the version known here has them. Where no upcaster is given, a version reads as the next one. */
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
  // What an upcaster makes is for the schema to judge, which every positional job has.
  return positional ? (payload as readonly JsonValue[]) : [payload as JsonValue, ...others];
}
