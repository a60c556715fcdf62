import type { JsonValue } from "../envelope/index.ts";
import type { Duration } from "../time/duration.ts";

/** Options of `job.once`. */
export interface OnceOptions {
  /**
   * Your transaction, as `enqueueIn` takes it: the result is stored in it, so that it and your rows commit together or neither
   * does. Omitted: the result is stored in the ledger once `fn` has returned.
   */
  readonly in?: unknown;
  /** What the key is unique in. Omitted: the id of the job, so each delivery of this job counts. Give another to share the key among jobs. */
  readonly scope?: string | undefined;
  /** How long the result is kept, from when it is stored. Default "7d". */
  readonly keep?: Duration | undefined;
}

/** The result of `fn`: JSON, or nothing. */
export type OnceResult = JsonValue | void;

/** The job on whose behalf something runs once. */
export interface OnceJob {
  readonly id: string;
  /** Ends a wait for another run of the same key. */
  readonly signal: AbortSignal;
}

/** Runs `fn` once for each scope and key. */
export type Once = <T extends OnceResult>(
  job: OnceJob,
  key: string,
  fn: () => T | Promise<T>,
  options: OnceOptions,
) => Promise<T>;
