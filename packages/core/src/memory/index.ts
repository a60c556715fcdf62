import type { Capabilities } from "../capabilities.ts";
import { WaybillError } from "../errors.ts";
import type { InspectableBackend } from "../inspector.ts";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";
import type { RosterBackend } from "../roster.ts";
import { openMemory } from "./backend.ts";
import { memoryCapabilities } from "./limits.ts";
import { createStore } from "./store.ts";

export { memoryCapabilities } from "./limits.ts";

/** Opens one more connection to the same store, with an `inspector` and a `roster`. */
export type MemoryFactory = () => Promise<InspectableBackend & RosterBackend>;

/** What the store in this process is to be like. */
export interface MemoryOptions {
  /** Accept that every job is gone when the process ends, even where NODE_ENV is "production". Default false. */
  readonly allowVolatile?: boolean;
  /** Limits to declare and keep instead of its own, to see a program as it would run on a lesser backend. */
  readonly capabilities?: Partial<Capabilities>;
  /** Name in logs. Default "memory:". */
  readonly address?: string;
}

const MEMORY_OPTIONS: OptionNames<MemoryOptions> = { allowVolatile: true, capabilities: true, address: true };

/**
 * A queue inside this process, for tests. It serves to try things out, too. Each call makes one store; each open of
 * the answer is one more connection to it. The jobs are gone when the process ends. Throws `CONFIG_INVALID` in
 * production, unless `allowVolatile` is said.
 */
export function memoryBackend(options: MemoryOptions = {}): MemoryFactory {
  assertKnownOptions(options, MEMORY_OPTIONS, "the options of memoryBackend");
  if (process.env["NODE_ENV"] === "production" && options.allowVolatile !== true) {
    throw new WaybillError(
      "CONFIG_INVALID",
      'the memory backend loses every job when the process ends, so it does not start with NODE_ENV "production"; ' +
        'use a file instead ("sqlite:./waybill.db"), or say allowVolatile: true',
    );
  }
  const has = { ...memoryCapabilities, ...options.capabilities };
  // A delay that is cut ends before the job is due.
  const cutsDelays = has.maxDelayMs !== Infinity || has.maxRetryDelayMs !== Infinity;
  const store = createStore(cutsDelays ? { ...has, leasesWhenDue: false } : has);
  return async () => openMemory(store, options.address ?? "memory:");
}
