import type { JobPage, JobQuery, StoredJob } from "../../backend/job-control.ts";
import type { JobFilter } from "./judged-query.ts";
import type { Pause, PauseTarget } from "./control-records.ts";

/** Options of calls that change jobs. */
export interface ControlOptions {
  /** True: changes nothing, and returns what would be changed. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** What became of the jobs of one `cancel`, each counted once. With `dryRun`: what would become of them. */
export interface CancelReport {
  /** They waited and are gone; an event `cancelled` names each. */
  readonly cancelled: number;
  /** A worker runs them. It aborts them within a heartbeat, 5 s at most: `job.signal.reason.code` is `JOB_CANCELLED`. */
  readonly aborting: number;
  /**
   * The backend cannot look them up (SQS, RabbitMQ). The cancel is kept for 14 days: a running job is aborted, and a waiting
   * one is dropped as `CANCELLED` when it is delivered.
   */
  readonly recorded: number;
  /** They are dead letters, which `inspector.drop` removes. Nothing was changed. */
  readonly dead: number;
  /** There is no job of that id, or there was none any more. */
  readonly absent: number;
}

/** What became of the jobs of one `runNow` or `reschedule`, each counted once. With `dryRun`: what would become of them. */
export interface RescheduleReport {
  /** They have their new time. */
  readonly rescheduled: number;
  /** A worker runs them. Nothing was changed. */
  readonly leased: number;
  /** They are dead letters, which `inspector.replay` runs again. Nothing was changed. */
  readonly dead: number;
  /** There is no job of that id, or there was none any more. */
  readonly absent: number;
}

/** The calls of a connection that find, change and pause jobs. */
export interface Control {
  /**
   * Returns the job as its store has it, dead letters included; null when there is none. Where the backend cannot look into its queues
   * (SQS, RabbitMQ), reads records; rejects `CAPABILITY_MISSING` where nothing was recorded.
   */
  find(id: string): Promise<StoredJob | null>;
  /**
   * Lists jobs, page by page. Omitted filters do not filter. Rejects `CONFIG_INVALID` for a filter that does not exist, and
   * `CAPABILITY_MISSING` as `find` does.
   */
  list(query?: JobQuery): Promise<JobPage>;
  /**
   * Cancels one job, or all that match the filter. A job that waits is gone. A job that runs is aborted within a heartbeat, and
   * ends as `CANCELLED` unless its handler completes; it is not retried. Rejects `CONFIG_INVALID` for a filter that names
   * nothing, and `CAPABILITY_MISSING` where the backend can neither look into its queues nor has a ledger.
   */
  cancel(job: string | JobFilter, options?: ControlOptions): Promise<CancelReport>;
  /** Makes one delayed job ready, or all delayed jobs that match the filter. Its attempts are kept. Rejects as `find` and `cancel` do. */
  runNow(job: string | JobFilter, options?: ControlOptions): Promise<RescheduleReport>;
  /** As `runNow`, for a time to come. `at` in the past rejects `CONFIG_INVALID`. */
  reschedule(job: string | JobFilter, at: Date, options?: ControlOptions): Promise<RescheduleReport>;
  /**
   * Pauses a queue, or a type of job in every queue, until `resume`. Workers lease none of them from within a heartbeat on, 5 s
   * at most; what runs goes on. Producers may still enqueue. Rejects `CAPABILITY_MISSING` without a ledger.
   */
  pause(target: PauseTarget): Promise<void>;
  /** Ends a pause. Does nothing when there is none. */
  resume(target: PauseTarget): Promise<void>;
  /** Returns what is paused: queues first, each by name. */
  pauses(): Promise<Pause[]>;
}
