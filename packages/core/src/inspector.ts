import type { Backend, DeadReason } from "./backend.ts";

/** How many jobs one queue holds, by state. */
export interface QueueCounts {
  /** "" of dead letters that name no queue. */
  readonly queue: string;
  /** Deliverable now. */
  readonly ready: number;
  /** Waiting for their time: delayed, or between two attempts. */
  readonly delayed: number;
  /** Leased by some worker. */
  readonly leased: number;
  /** Kept for a person. */
  readonly dead: number;
  /** Finished jobs still remembered; 0 where the backend keeps none. */
  readonly finished: number;
  /** How long the oldest ready job has been ready; null when none is. */
  readonly oldestWaitMs: number | null;
  /** Live workers that wait for this queue's jobs; absent where the backend cannot tell. */
  readonly workers?: number;
  /**
   * Parts of the queue that could not be read and count as 0, a sentence each with the remedy. Absent: everything was
   * read.
   */
  readonly unreadable?: readonly string[];
}

/** A job kept for a person. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly reason: DeadReason;
  /** The attempt that was the last. */
  readonly attempt: number;
  /** Unix milliseconds; null where nobody noted it or it cannot be read: SQS does not tell when it moved a job aside. */
  readonly diedAt: number | null;
  /** The bytes as they arrived. */
  readonly body: string;
  /**
   * Why the stored record cannot become a job again, one sentence; absent when it can. Somebody else wrote the record
   * or changed it. Members that could not be read are `""` or 0. `replay` leaves it where it is; `drop` deletes it.
   */
  readonly damage?: string;
}

/** Which dead letters: what is absent leaves nothing out. */
export interface DeadLetterQuery {
  /** Absent: every queue. */
  readonly queue?: string;
  /** Absent: every id. */
  readonly ids?: readonly string[];
  /** Absent: 100. Newest first. */
  readonly limit?: number;
}

/** A look into a backend that can be looked into. Not part of the contract; a package has it or not. */
export interface Inspector {
  /** Every queue that holds anything, by name. Where a backend cannot list its queues: those used here, and `named`. */
  counts(named?: readonly string[]): Promise<QueueCounts[]>;
  /** Those kept for a person, newest first. */
  deadLetters(query?: DeadLetterQuery): Promise<DeadLetter[]>;
  /**
   * Makes dead letters deliverable again. They come as first attempts; answers how many. Those with `damage` stay: list
   * them to see why. Rejects where another one that matches could not be, after the others.
   */
  replay(query?: DeadLetterQuery): Promise<number>;
  /** Deletes dead letters for good. Answers how many. */
  drop(query?: DeadLetterQuery): Promise<number>;
}

/** A backend that can be looked into. */
export interface InspectableBackend extends Backend {
  readonly inspector: Inspector;
}

/** Null where the backend cannot be looked into. */
export function inspectorOf(backend: Backend): Inspector | null {
  return "inspector" in backend ? (backend as InspectableBackend).inspector : null;
}
