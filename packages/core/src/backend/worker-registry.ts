import type { Backend } from "./contract.ts";

/** One entry of the registry: an id that the store reads, and facts that it does not. */
export interface Announced {
  readonly id: string;
  /** The worker's text, stored unchanged. */
  readonly facts: string;
  /** Milliseconds since it was last announced, by the store's clock. */
  readonly heardMs: number;
}

/** Lists the running workers. Optional: a backend package has one or not. */
export interface WorkerRegistry {
  /** Adds the worker, or renews it. The entry expires after `ttlMs` by the store's clock. */
  announce(id: string, facts: string, ttlMs: number): Promise<void>;
  /** Removes the worker. Does nothing if it is not listed. */
  withdraw(id: string): Promise<void>;
  /** Returns the entries that have not expired, by id. */
  list(): Promise<Announced[]>;
}

/** A backend that has a worker registry. */
export interface WorkerRegistryBackend extends Backend {
  readonly workerRegistry: WorkerRegistry;
}

/** Returns the worker registry of a backend; null where it has none. */
export function workerRegistryOf(backend: Backend): WorkerRegistry | null {
  return "workerRegistry" in backend ? (backend as WorkerRegistryBackend).workerRegistry : null;
}
