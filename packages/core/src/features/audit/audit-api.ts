import type { RecordState } from "../../backend/record-store.ts";
import type { Duration } from "../../time/duration.ts";

/** Which jobs to audit. */
export interface AuditQuery {
  /** Those enqueued within this time until now. Default "1d". */
  readonly last?: Duration | undefined;
  /** Those of this queue. Omitted: of every queue. */
  readonly queue?: string | undefined;
}

/**
 * How a job does not add up. "never_started": it was accepted, no run of it was recorded, and it is in no queue. "no_end": a run was
 * recorded and no end, and it is in no queue; it may have completed, and its worker was killed within the half second until the next
 * write of records. "letter_gone": it died, and its dead letter is gone without a record of who dropped or replayed it.
 */
export type AuditGapKind = "never_started" | "no_end" | "letter_gone";

/** A job that was accepted and is neither ended, waiting, running nor dead, as far as can be known. */
export interface AuditGap {
  readonly kind: AuditGapKind;
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Unix milliseconds. */
  readonly enqueuedAt: number;
  /** The last state that was recorded. */
  readonly state: RecordState;
  /** Unix milliseconds: since when. */
  readonly at: number;
  /** The worker of its last run; null before the first. */
  readonly worker: string | null;
}

/** What should be in one queue of a broker, where no single job can be looked up. */
export interface AuditQueue {
  readonly queue: string;
  /** Unfinished jobs, due for a minute or longer, which no live worker reports and which are no dead letters. */
  readonly expected: number;
  /** What the broker counts in the queue, without delayed jobs. */
  readonly counted: number;
}

/**
 * The jobs of a window, by what became of them. `accepted` is the sum of `completed`, `discarded`, `cancelled`, `dead`, `unfinished`,
 * `unrecorded` and, where `exact`, `missing`.
 */
export interface Audit {
  /** Unix milliseconds: jobs enqueued from then on. */
  readonly since: number;
  /** Unix milliseconds: jobs enqueued before, which is when the audit began. */
  readonly until: number;
  /** Jobs that have a record. Those of producers without `records` count from their first run on. */
  readonly accepted: number;
  /** Jobs whose handler succeeded. */
  readonly completed: number;
  /** Jobs that ended without success and were not kept. */
  readonly discarded: number;
  /** Jobs that were cancelled. */
  readonly cancelled: number;
  /** Dead letters, also those that were dropped. */
  readonly dead: number;
  /** Jobs that wait or run. */
  readonly unfinished: number;
  /** Jobs that have ended, as the store or a flow says, and whose record does not have the end. */
  readonly unrecorded: number;
  /** Gaps. Where not `exact`, at least so many. */
  readonly missing: number;
  /** The first 1,000 of them, those enqueued last first. Where not `exact`, only those of queues that are empty. */
  readonly gaps: readonly AuditGap[];
  /**
   * True: each job that has not ended was looked up in the store. False: the broker (SQS, RabbitMQ) lets no one look up a job, so
   * what should be in each queue is compared with its count.
   */
  readonly exact: boolean;
  /** Only where not `exact`: the queues that a job should be in. */
  readonly queues: readonly AuditQueue[];
}
