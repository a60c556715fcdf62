import type { JobDefinition, RetryOptions } from "./define-job.ts";
import { type Duration, durationMs } from "./duration.ts";
import type { JsonValue } from "./envelope/index.ts";
import { WaybillError } from "./errors.ts";

/** What one job is to be besides what its definition says. */
export interface EnqueueOptions {
  /**
   * A UUID in lower case; absent: a fresh one. The same id and content is stored once (`stored: false`) for as long as
   * the backend holds the job: waiting, running, or dead, where replaying it is the way on. Give `runAt` with an id of
   * your own, not `delay`: a delay makes other content each time, and that is `ID_CONFLICT`. For the same reason telemetry
   * adds no trace to a job with an id of your own.
   */
  readonly id?: string;
  /** Not before this long from now. Not together with `runAt`. */
  readonly delay?: Duration;
  /** Not before this time. One in the past is now. */
  readonly runAt?: Date;
  /** Kept for a person instead of started, this long from now or later; longer than `delay`. Not together with `expiresAt`. */
  readonly expiresIn?: Duration;
  /** The same as a time of day, which goes with an `id` of your own. */
  readonly expiresAt?: Date;
  /** Instead of the definition's queue. */
  readonly queue?: string;
  /** −100 to 100, higher first. Default 0. Refused where the backend has no priorities. */
  readonly priority?: number;
  /** Whose job it is. */
  readonly tenant?: string;
  /**
   * Travels with the job, beside the payload; at most 16 KiB. `traceparent` and `tracestate`, in W3C's form, are the trace
   * that the run belongs to; absent, `telemetry` gives its own.
   */
  readonly meta?: { readonly [key: string]: JsonValue };
  /** What this call names wins over the worker's definition. */
  readonly retry?: RetryOptions;
  /** Longest run of one attempt; whole seconds, rounded up. */
  readonly timeout?: Duration;
}

/** One item of `enqueueMany`. */
export interface EnqueueItem<Input = unknown> {
  /** A definition, or the type's name; then nothing is known of the payload. */
  readonly job: JobDefinition<Input, unknown> | string;
  /** What the definition's schema takes. */
  readonly payload: NoInfer<Input>;
  /** Of this item alone. Absent: as the definition says. */
  readonly options?: EnqueueOptions;
}

export function startMs(options: EnqueueOptions, type: string, nowMs: number): number | null {
  const { delay, runAt } = options;
  if (delay !== undefined && runAt !== undefined) {
    throw new WaybillError("CONFIG_INVALID", `"${type}" was enqueued with both delay and runAt; give one`);
  }
  if (runAt !== undefined) {
    if (!Number.isNaN(runAt.getTime())) return runAt.getTime();
    throw new WaybillError("CONFIG_INVALID", `runAt of "${type}" is not a valid date`);
  }
  const delayMs = delay === undefined ? 0 : durationMs(delay, "delay");
  return delayMs === 0 ? null : nowMs + delayMs;
}

/** Null: never. A job that would expire before it may start is refused here, since nobody could run it. */
export function endMs(
  { expiresIn, expiresAt }: EnqueueOptions,
  type: string,
  nowMs: number,
  runAtMs: number | null,
): number | null {
  if (expiresIn === undefined && expiresAt === undefined) return null;
  if (expiresIn !== undefined && expiresAt !== undefined) {
    throw new WaybillError("CONFIG_INVALID", `"${type}" was enqueued with both expiresIn and expiresAt; give one`);
  }
  const endsAt = expiresAt?.getTime() ?? nowMs + durationMs(expiresIn ?? 0, "expiresIn");
  if (Number.isNaN(endsAt)) throw new WaybillError("CONFIG_INVALID", `expiresAt of "${type}" is not a valid date`);
  if (endsAt > (runAtMs ?? nowMs)) return endsAt;
  throw new WaybillError(
    "CONFIG_INVALID",
    `"${type}" would expire before it may start; give it more time than its delay`,
  );
}
