import { checkRetry, type JobDefinition, type RetryOptions } from "./define-job.ts";
import { type Duration, durationMs } from "./duration.ts";
import type { IdParts, JsonValue } from "./envelope/index.ts";
import { WaybillError } from "./errors.ts";
import { assertKnownOptions, type OptionNames, shown } from "./known-options.ts";

/** What one job is to be besides what its definition says. */
export interface EnqueueOptions {
  /**
   * A UUID in lower case, or the parts it is derived from, as in `["receipt", orderId]`: `derivedId` makes one of them, and
   * they travel as `meta.id_source`. Absent: a fresh one. The same id and content is stored once (`stored: false`) for as long as
   * the backend holds the job: waiting, running, or dead, where replaying it is the way on. Give `runAt` with an id of
   * your own, not `delay`: a delay makes other content each time, and that is `ID_CONFLICT`. For the same reason telemetry
   * adds no trace to a job with an id of your own.
   */
  readonly id?: string | IdParts;
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

/** What an item of a stream must be besides itself: its payload is judged by its own definition. */
export type FittingItem<Item> = Item extends { readonly job: JobDefinition<infer Input, infer _> }
  ? EnqueueItem<Input>
  : EnqueueItem;

const ENQUEUE_OPTIONS: OptionNames<EnqueueOptions> = {
  id: true,
  delay: true,
  runAt: true,
  expiresIn: true,
  expiresAt: true,
  queue: true,
  priority: true,
  tenant: true,
  meta: true,
  retry: true,
  timeout: true,
};

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Throws `CONFIG_INVALID` naming the option that does not exist or is not of its type. Values are judged where they are used. */
export function assertEnqueueOptions(options: EnqueueOptions, type: string): void {
  assertKnownOptions(options, ENQUEUE_OPTIONS, `the options of enqueue for "${type}"`);
  const { id, tenant, priority, runAt, expiresAt, retry } = options;
  if (id !== undefined && (typeof id !== "string" || !ID.test(id))) {
    const remedy =
      typeof id === "string" ? `write [${shown(id)}] to derive one from it` : "leave it out for a fresh one";
    throw refuse(`id of "${type}" is ${shown(id)}: a UUID in lower case is needed; ${remedy}`);
  }
  if (tenant !== undefined && (typeof tenant !== "string" || tenant === "")) {
    throw refuse(`tenant of "${type}" is ${shown(tenant)}: a text that is not empty`);
  }
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority) <= 100)) {
    throw refuse(`priority of "${type}" is ${shown(priority)}: a whole number from -100 to 100, higher first`);
  }
  assertDate(runAt, `runAt of "${type}"`);
  assertDate(expiresAt, `expiresAt of "${type}"`);
  if (retry !== undefined) checkRetry(retry, `the call for "${type}"`);
}

function assertDate(value: Date | undefined, name: string): void {
  if (value === undefined) return;
  if (!(value instanceof Date))
    throw refuse(`${name} is ${shown(value)}: pass a Date, such as new Date(${example(value)})`);
  if (Number.isNaN(value.getTime())) throw refuse(`${name} is not a valid date`);
}

const example = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? shown(value) : '"2026-12-24T18:00:00Z"';

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
export function startMs(options: EnqueueOptions, type: string, nowMs: number): number | null {
  const { delay, runAt } = options;
  if (delay !== undefined && runAt !== undefined) {
    throw refuse(`"${type}" was enqueued with both delay and runAt; give one`);
  }
  if (runAt !== undefined) return runAt.getTime();
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
    throw refuse(`"${type}" was enqueued with both expiresIn and expiresAt; give one`);
  }
  const endsAt = expiresAt?.getTime() ?? nowMs + durationMs(expiresIn ?? 0, "expiresIn");
  if (endsAt > (runAtMs ?? nowMs)) return endsAt;
  throw refuse(`"${type}" would expire before it may start; give it more time than its delay`);
}
