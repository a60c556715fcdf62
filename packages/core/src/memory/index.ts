import type { Capabilities } from "../backend/capabilities.ts";
import { configInvalid } from "../backend/shared/option-checks.ts";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";
import { type MemoryBackend, openMemory } from "./backend.ts";
import { memoryCapabilities } from "./limits.ts";
import { createStore } from "./store.ts";

export { memoryCapabilities } from "./limits.ts";

/** Opens one more connection to the same store, with an `inspector`, a `workerRegistry`, a `ledger` and, where ids are unique, a `jobControl`. */
export type MemoryFactory = () => Promise<MemoryBackend>;

/** How the store in this process behaves. */
export interface MemoryOptions {
  /** Accept that every job is gone when the process ends, even where NODE_ENV is "production". Default false. */
  readonly allowVolatile?: boolean | undefined;
  /** Limits to declare and keep instead of its own, so that a program runs as on a backend that can do less. Default: its own. */
  readonly capabilities?: Partial<Capabilities> | undefined;
  /** Name in logs. Default "memory:". */
  readonly address?: string | undefined;
}

const MEMORY_OPTIONS: OptionNames<MemoryOptions> = { allowVolatile: true, capabilities: true, address: true };

/**
 * Keeps jobs in the memory of this process, for tests and for trying waybill out. Each call makes one store, and each call
 * of the returned function opens one more connection to it. The jobs are gone when the process ends. Throws
 * `CONFIG_INVALID` where NODE_ENV is "production", unless `allowVolatile` is true.
 */
export function memoryBackend(options: MemoryOptions = {}): MemoryFactory {
  assertKnownOptions(options, MEMORY_OPTIONS, "the options of memoryBackend");
  if (process.env["NODE_ENV"] === "production" && options.allowVolatile !== true) {
    throw configInvalid(
      'the memory backend loses every job when the process ends, so it does not start with NODE_ENV "production"; ' +
        'use a file instead ("sqlite:./waybill.db"), or pass allowVolatile: true',
    );
  }
  const has = { ...memoryCapabilities, ...options.capabilities };
  // A delay that was cut to the limit ends before the job is due.
  const cutsDelays = has.maxDelayMs !== Infinity || has.maxRetryDelayMs !== Infinity;
  const store = createStore(cutsDelays ? { ...has, leasesWhenDue: false } : has);
  return async () => openMemory(store, options.address ?? "memory:");
}
