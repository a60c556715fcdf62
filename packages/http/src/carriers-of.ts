import { WaybillError } from "@waybill/core";
import type { Registry } from "@waybill/core/door";
import type { Carrier } from "./carrier.ts";
import { native } from "./carriers/native.ts";
import type { DoorOptions } from "./door.ts";
import type { ReceiverOptions, Senders } from "./receiver-options.ts";

/** Throws `CONFIG_INVALID`. Our own senders last: unsigned ones have no mark, and would be taken for whoever else pushes. */
export function carriersOf(options: Senders & Pick<DoorOptions, "tolerance">): readonly Carrier[] {
  const { keys, carriers = [], tolerance } = options;
  if (keys === undefined) {
    if (tolerance === undefined) return carriers;
    throw refuse("tolerance is of what `keys` sign; give those, or native({ keys, tolerance })");
  }
  return [...carriers, native({ keys, ...(tolerance !== undefined && { tolerance }) })];
}

/** Throws `CONFIG_INVALID` for a carrier whose jobs a receiver cannot run, or would lose. */
export function checkCarriers(
  carriers: readonly Carrier[],
  { keepDead }: Pick<ReceiverOptions, "keepDead">,
  registry: Registry,
): void {
  for (const { name, runs, keepsDead = true, makes = [] } of carriers) {
    if (!runs) throw refuse(`${name} does not wait for jobs to run; use createRelay({ to: jobs })`);
    if (!keepsDead && keepDead === undefined) {
      throw refuse(`${name} keeps no dead letters: give keepDead, or use createRelay({ to: jobs })`);
    }
    const unknown = makes.find((type) => registry.find(type) === undefined);
    if (unknown !== undefined) throw refuse(`${name} makes jobs of type "${unknown}", which are not among \`jobs\``);
  }
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
