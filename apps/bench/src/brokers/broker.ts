/**
 * What a file of this folder exports: one broker, and the libraries people use on it today. waybill's own side is
 * written once, in waybill.ts; a peer is written as its own documentation would, at its best.
 */
export interface Broker {
  /** The package's short name: "bullmq", "sqs", "rabbitmq", "postgres". */
  readonly name: string;
  /** A server of its own with durable settings; started once, used by every side in turn. */
  readonly startServer: () => Promise<{ readonly url: string; readonly pid?: number; stop(): Promise<void> }>;
  /** What the numbers depend on, one fact a line: versions, fsync settings, queue type. */
  readonly facts: readonly string[];
  /** By the name they have in the table: "raw bullmq". */
  readonly rivals: Readonly<Record<string, OpenSide>>;
  /**
   * Whom each speed is set beside, and the factor that is the target; absent: none. A peer that cannot do one of the two
   * is left out of that list.
   */
  readonly targets: {
    readonly enqueue: readonly { readonly peer: string; readonly factor: number }[];
    readonly process: readonly { readonly peer: string; readonly factor: number }[];
  };
  /** What the server holds of waybill's own queue; only for a package that cannot be looked into. */
  readonly storedJobs?: (url: string, queue: string) => Promise<number>;
  /** Jobs of one full-size round by verb; chosen so that the slowest side needs some seconds. */
  readonly jobs: { readonly enqueue: number; readonly process: number };
}

/** Opens one side in its own process, on a queue of its own. `queue` is [a-z0-9]+. */
export type OpenSide = (url: string, queue: string) => Promise<Side>;

export interface Side {
  /** Resolves once the job is stored as durably as the server promises. Called with many in flight. */
  enqueue(payload: object): Promise<unknown>;
  /** Resolves once what is written beside the jobs is written. Absent: nothing is. */
  written?(): Promise<unknown>;
  /** Many jobs at once, to fill the queue before `process` is measured; not timed. */
  fill(payloads: readonly object[]): Promise<unknown>;
  /**
   * Runs a handler that does nothing, `concurrency` at once, until `count` jobs have ended and are acknowledged on the
   * server. Resolves then; calls `ran` for each job.
   */
  process(concurrency: number, count: number, ran: () => void): Promise<void>;
  /** What the server holds: waiting, delayed, leased. Called when nothing is under way, to verify every count. */
  storedJobs(): Promise<number>;
  close(): Promise<void>;
}

/** Distinct keys of a run with a concurrency of 1 by key. */
export const KEYS = 1_000;
