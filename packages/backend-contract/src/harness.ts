import type { Backend, BackendContext } from "@waybill/core/backend";

/** An envelope as a producer in another language writes it, before anything has parsed it. */
export interface Arrival {
  readonly id: string;
  readonly queue: string;
  readonly body: string;
}

/** An empty store that nothing else uses: a new file, a new schema, a new key prefix. */
export interface FreshStore {
  /**
   * Opens one more backend on this store, as another process would. The backend passes what arrives in an inbox to
   * `context.admit`.
   */
  open(context: BackendContext): Promise<Backend>;
  /** Puts an envelope where programs in other languages put theirs: an INSERT, an LPUSH. Absent: there is no such place. */
  arrive?(arrival: Arrival): Promise<void>;
  /** Deletes the store. Called once, after every backend on it was closed. */
  remove?(): Promise<void>;
}

/** How the suite reaches the backend under test. */
export interface Harness {
  /** Called once for each rule; rules may run side by side. */
  readonly fresh: () => Promise<FreshStore>;
  /** The shortest time that the backend distinguishes from 0. Default 20; a service that counts in seconds needs 1,000. */
  readonly tickMs?: number;
  /** The longest time for what must happen at once. Default 20 ticks, at least 2,000 ms. */
  readonly promptMs?: number;
  /** The longest time for what must happen at all. Default 4 times `promptMs`. */
  readonly eventuallyMs?: number;
  /** A rule that is not finished by then fails. Default 3 times `eventuallyMs`. Set the runner's timeout a little higher. */
  readonly limitMs?: number;
  /** False where the store lives inside one backend object, so that `open` cannot be called twice. Default true. */
  readonly shareable?: boolean;
  /** Rules that the backend breaks, by name, each with the reason. Shown as skipped; an entry whose rule does not fail, fails. Default: none. */
  readonly knownFailures?: Readonly<Record<string, string>>;
}
