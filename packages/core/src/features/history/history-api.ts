import type { Duration } from "../../time/duration.ts";

/** What to read of the history. */
export interface HistoryQuery {
  /** How far back, at most "1d". Default "1h". */
  readonly last?: Duration | undefined;
  /** How much time one point covers, in whole minutes. Default "1m". */
  readonly step?: Duration | undefined;
}

/** What happened in one step of time. */
export interface HistoryPoint {
  /** Unix milliseconds of its start. */
  readonly at: number;
  /** Jobs that completed. */
  readonly completed: number;
  /** Attempts that failed and are followed by another. */
  readonly retried: number;
  /** Jobs that ended as dead letters or were discarded. */
  readonly dead: number;
  /** The run time that a half of the attempts did not exceed, within 12 %; null when none ended. */
  readonly p50Ms: number | null;
  /** That of 95 % of them; null when none ended. */
  readonly p95Ms: number | null;
  /** That of 99 % of them; null when none ended. */
  readonly p99Ms: number | null;
  /** Ready jobs, as counted last in this step; null when they were not counted. */
  readonly ready: number | null;
  /** The longest wait of a ready job then; null when none waited or it was not counted. */
  readonly oldestWaitMs: number | null;
}

/** The history of a backend. */
export interface History {
  /** "ledger": of the workers of every process. "process": of those of this connection, since the backend has no ledger. */
  readonly kept: "ledger" | "process";
  /** Unix milliseconds: nothing is known of what was before. */
  readonly since: number;
  /** Oldest first, without gaps. */
  readonly points: readonly HistoryPoint[];
  /** The queues that had jobs, by name, with as many points. */
  readonly queues: readonly { readonly queue: string; readonly points: readonly HistoryPoint[] }[];
}
