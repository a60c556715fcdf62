import type { Backend, BackendContext } from "@waybill/core/backend";

/** An envelope as a producer in another language leaves it: nobody has parsed it. */
export interface Arrival {
  readonly id: string;
  readonly queue: string;
  readonly body: string;
}

/** A store that holds nothing yet and that nobody else uses: a new file, a new schema, a new key prefix. */
export interface FreshStore {
  /**
   * Opens one more backend on this store; every call answers another one, as another process would have it. What
   * arrives in an inbox is to be judged by the `context`, as core would have it.
   */
  open(context: BackendContext): Promise<Backend>;
  /** Puts an envelope where producers in other languages put theirs: an INSERT, an LPUSH. Absent: there is no such place. */
  arrive?(arrival: Arrival): Promise<void>;
  /** Deletes the store. Called once, after every backend on it was closed. */
  remove?(): Promise<void>;
}

/** How the suite reaches the backend under test. */
export interface Harness {
  /** Called once for each rule; rules may run side by side. */
  readonly fresh: () => Promise<FreshStore>;
  /** The shortest time the backend can tell apart from none. Default 20; a service that counts in seconds needs 1,000. */
  readonly tickMs?: number;
  /** What ought to happen at once may take this long. Default 20 ticks, at least 2,000 ms. */
  readonly promptMs?: number;
  /** What ought to happen at all may take this long. Default 4 times `promptMs`. */
  readonly patienceMs?: number;
  /** A rule not finished by then fails. Default 3 times `patienceMs`. Give the runner a little more than this. */
  readonly limitMs?: number;
  /** False where the store lives inside one backend object, so that `open` cannot be called twice. Default true. */
  readonly shareable?: boolean;
  /** Rules known to be broken, by name, each with the reason. They show as skipped; an entry that is no longer true fails. */
  readonly knownFailures?: Readonly<Record<string, string>>;
}
