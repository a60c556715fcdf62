import type { Backend, DeadReason } from "./contract.ts";
import type { JobTrace } from "./job-trace.ts";

/**
 * "ready": can be leased now. "delayed": waits for its time or its next attempt. "waiting": its concurrency key is full.
 * "leased": a worker has it. "dead": it is a dead letter.
 */
export type JobState = "ready" | "delayed" | "waiting" | "leased" | "dead";

/** A job as its store has it now. */
export interface StoredJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  /** Null for none. */
  readonly tenant: string | null;
  /** From −100 to 100; a higher one is delivered first. */
  readonly priority: number;
  /** Failures settled so far, plus one. */
  readonly attempt: number;
  /** Unix milliseconds; null where the store does not keep it. */
  readonly enqueuedAt: number | null;
  /** Unix milliseconds: of a delayed job when it becomes ready, of a leased one when its lease ends; null otherwise. */
  readonly dueAt: number | null;
  /** Why it is a dead letter; null in every other state. */
  readonly reason: DeadReason | null;
  /** The bytes as they arrived. */
  readonly body: string;
}

/** Filters jobs. A job matches when it passes every filter. Omitted fields do not filter. */
export interface JobQuery {
  /** Those of this queue. Omitted: of every queue. */
  readonly queue?: string | undefined;
  /** Those of exactly this type. Omitted: of every type. */
  readonly type?: string | undefined;
  /** Those in this state. Omitted: in any state. */
  readonly state?: JobState | undefined;
  /** Those of this tenant. Omitted: of every tenant, and of none. */
  readonly tenant?: string | undefined;
  /** Those with one of these ids. Omitted: with any id. */
  readonly ids?: readonly string[] | undefined;
  /** Those whose body has this text, letters of ASCII in upper or lower case; nothing in it is a wildcard. Omitted: with any body. */
  readonly text?: string | undefined;
  /** Those enqueued at this time or later, in Unix milliseconds. Omitted: of any time. */
  readonly since?: number | undefined;
  /** The most jobs of one page. Omitted: 100. At most 1,000. */
  readonly limit?: number | undefined;
  /** `next` of the page before. Omitted: the first page. */
  readonly after?: string | undefined;
}

/** One page of jobs. */
export interface JobPage {
  readonly jobs: readonly StoredJob[];
  /** Pass it as `after` for the next page; null when this is the last. */
  readonly next: string | null;
  /**
   * Only where the jobs were read from records (SQS, RabbitMQ): Unix milliseconds, when the newest change there was made. What happened
   * since is not in the page, and `body` is the payload as it is recorded.
   */
  readonly asOf?: number | null;
}

/** What became of one job of a list: changed, not changed since a worker has it, since it is a dead letter, or since there is none. */
export type ControlResult = "done" | "leased" | "dead" | "absent";

/** Finds waiting jobs and changes them. Optional: a backend package has it or not. */
export interface JobControl {
  /**
   * Lists jobs, in an order that stays the same while jobs come and go, so that paging misses none that stays. Only the last
   * page has fewer than `limit` jobs.
   */
  list(query: JobQuery): Promise<JobPage>;
  /** Removes jobs that no worker has leased and that are no dead letters. Frees their unique keys. At most 1,000 ids. */
  cancel(ids: readonly string[]): Promise<ControlResult[]>;
  /** Makes waiting jobs ready `delayMs` from now; 0: at once, and a waiting `lease` call is woken. Attempts are kept. At most 1,000 ids. */
  reschedule(ids: readonly string[], delayMs: number): Promise<ControlResult[]>;
  /** Says where an id is, for `jobs.why`; null where there is nothing of it. Changes nothing. Optional: a store has it or not. */
  trace?(id: string): Promise<JobTrace | null>;
}

/** A backend that has job control. */
export interface JobControlBackend extends Backend {
  readonly jobControl: JobControl;
}

/** Returns the job control of a backend; null where it has none. Never throws. */
export function jobControlOf(backend: Backend): JobControl | null {
  return "jobControl" in backend ? (backend as JobControlBackend).jobControl : null;
}
