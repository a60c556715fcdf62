import type { RetryOptions } from "../job/retry-options.ts";

/** A job as another job system has it. Times are Unix milliseconds. */
export interface ForeignJob {
  /** Its id there. */
  readonly id: string;
  /** The queue that it is in there. */
  readonly queue: string;
  /** What the other system calls the kind of job. */
  readonly name: string;
  /** The input of its handler. */
  readonly data: unknown;
  /** "delayed": waits for its time or its next attempt. "failed": has no attempt left and is kept there. */
  readonly state: "waiting" | "delayed" | "failed";
  /** When it was made. With its id it names this one job, also where ids are used again. */
  readonly createdAt: number;
  /** When it becomes ready; null for a job that waits for no time. */
  readonly dueAt: number | null;
  /** From −100 to 100, higher first: the order of the other system in waybill's numbers. */
  readonly priority: number;
  /** Attempts that have failed. */
  readonly attemptsMade: number;
  /** The attempts that are left, and their delays. */
  readonly retry: RetryOptions<string>;
  /** The last error; null if none is stored. */
  readonly error: { readonly message: string; readonly stack: readonly string[] } | null;
  /** Why the other system must finish this job itself, in one sentence; null for a job that can be moved. */
  readonly stays: string | null;
}

/**
 * Reads the jobs of one queue of another job system, and sets them aside: out of the queue, where no worker of that system finds them, in
 * the same store, until they are forgotten. Each call rejects with the error of the store.
 */
export interface JobSource {
  /** The system and the queue, such as "bullmq:mail". It is part of the ids of the moved jobs. */
  readonly name: string;
  /** Lists the jobs that no worker runs, in the order in which they would run, page by page. Rejects as the store does. */
  pages(which: { readonly failed: boolean }): AsyncIterable<readonly ForeignJob[]>;
  /**
   * Sets aside those of these jobs that still wait or are failed, each in one step, and none in the place of one of its id that is aside.
   * Returns them as they were. Rejects as the store does.
   */
  setAside(jobs: readonly ForeignJob[]): Promise<ForeignJob[]>;
  /** Lists jobs that were set aside and not forgotten: by a run that was killed. Rejects as the store does. */
  listAside(limit: number): Promise<ForeignJob[]>;
  /** Deletes jobs that were set aside, once they are stored elsewhere. Rejects as the store does. */
  forget(jobs: readonly ForeignJob[]): Promise<void>;
  /** Counts, at one moment, the jobs that wait, are delayed or run. Rejects as the store does. */
  unfinished(): Promise<number>;
}
