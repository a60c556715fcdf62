import type { Backend, DeadReason } from "./contract.ts";

/** The number of jobs in one queue, by state. */
export interface QueueCounts {
  /** The name of the queue; "" for dead letters that have none. */
  readonly queue: string;
  /** Jobs that can be leased now, and those that wait since their concurrency key is full or their type is paused. */
  readonly ready: number;
  /** Jobs that are delayed, or that wait for their next attempt. */
  readonly delayed: number;
  /** Jobs that a worker has leased. */
  readonly leased: number;
  /** Dead letters. */
  readonly dead: number;
  /** Finished jobs that the backend still keeps; 0 where it keeps none. */
  readonly finished: number;
  /** Milliseconds since the oldest ready job became ready; null when none is ready. */
  readonly oldestWaitMs: number | null;
  /** Live workers that lease from this queue; absent where the backend does not know them. */
  readonly workers?: number;
  /**
   * Parts of the queue that could not be read and count as 0: one sentence each, with what to do. Absent when everything
   * was read.
   */
  readonly unreadable?: readonly string[];
}

/** A job that ended without success and is kept. */
export interface DeadLetterRecord {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly reason: DeadReason;
  /** The number of the last attempt. */
  readonly attempt: number;
  /** Unix milliseconds; null where the time is not stored or cannot be read. SQS, for one, does not store when it moved a job to its dead-letter queue. */
  readonly diedAt: number | null;
  /** The bytes as they arrived. */
  readonly body: string;
  /**
   * Why the stored record cannot become a job again, in one sentence; absent when it can. Another program wrote or changed
   * the record. Members that could not be read are `""` or 0. `replay` does not touch it; `drop` deletes it.
   */
  readonly damage?: string;
}

/** Filters dead letters. A dead letter matches when it passes every filter. Omitted fields do not filter. */
export interface DeadLetterQuery {
  /** Those of this queue. Absent: of every queue. */
  readonly queue?: string | undefined;
  /** Those with one of these ids. Absent: with any id. */
  readonly ids?: readonly string[] | undefined;
  /** Those of exactly this type. Absent: of every type. */
  readonly type?: string | undefined;
  /** Those with exactly this reason code, such as `ATTEMPTS_EXHAUSTED`. Absent: with any code. */
  readonly code?: string | undefined;
  /** Those whose `diedAt` is this or later, in Unix milliseconds. One whose `diedAt` is null does not match. Absent: of any time. */
  readonly since?: number | undefined;
  /** The most matches, newest first. Absent: 100. `Infinity`: all. */
  readonly limit?: number | undefined;
}

/** Counts jobs and manages dead letters. Optional: a backend package has one or not. */
export interface Inspector {
  /** Counts the jobs of every queue that has any, sorted by name. A backend that cannot list its queues counts those used by this connection, and `named`. */
  counts(named?: readonly string[]): Promise<QueueCounts[]>;
  /** Lists dead letters, newest first. Absent limit: 100. */
  deadLetters(query?: DeadLetterQuery): Promise<DeadLetterRecord[]>;
  /**
   * Enqueues dead letters again, each as a first attempt. Returns how many. Those with `damage` stay dead letters; list them
   * to see why. If another one cannot be enqueued, the rest are first, and then the call rejects.
   */
  replay(query?: DeadLetterQuery): Promise<number>;
  /** Deletes dead letters. This cannot be undone. Returns how many. */
  drop(query?: DeadLetterQuery): Promise<number>;
}

/** A backend that has an inspector. */
export interface InspectableBackend extends Backend {
  readonly inspector: Inspector;
}

/** Returns the inspector of a backend; null where it has none. */
export function inspectorOf(backend: Backend): Inspector | null {
  return "inspector" in backend ? (backend as InspectableBackend).inspector : null;
}
