/** A tick of a schedule, and what a scheduler did about it. */
export interface TickEvent {
  /** The name of the schedule. */
  readonly schedule: string;
  /** When the tick was due, in Unix milliseconds. */
  readonly due: number;
  /** The id of its job, which is derived from the schedule and the time. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /**
   * "enqueued_before": a scheduler that died had enqueued the job already, or another job has its unique key. "skipped_overlap": the
   * last job is unfinished. "skipped_missed": the tick was missed, and `missed` is "skip".
   */
  readonly result: "enqueued" | "enqueued_before" | "skipped_overlap" | "skipped_missed";
  readonly worker: string;
}
