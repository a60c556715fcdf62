import { WaybillError } from "@waybill/core";
import type { HandlerRegistry } from "@waybill/core/endpoint";
import type { Carrier } from "../push/carrier.ts";
import type { ReceiverOptions } from "./receiver-options.ts";

/** Throws `CONFIG_INVALID` for a carrier whose jobs a receiver cannot run, or whose dead letters would be lost. */
export function checkCarriers(
  carriers: readonly Carrier[],
  { keepDead }: Pick<ReceiverOptions, "keepDead">,
  registry: HandlerRegistry,
): void {
  for (const { name, waitsForJobs, keepsDeadLetters = true, createsTypes = [] } of carriers) {
    if (!waitsForJobs) throw configError(`${name} does not wait for jobs to run; use createRelay({ to: jobs })`);
    if (!keepsDeadLetters && keepDead === undefined) {
      throw configError(`${name} keeps no dead letters: give keepDead, or use createRelay({ to: jobs })`);
    }
    const unknown = createsTypes.find((type) => registry.find(type) === undefined);
    if (unknown === undefined) continue;
    throw configError(`${name} creates jobs of type "${unknown}", which has no definition in \`jobs\`: add it`);
  }
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
