import type { JobDefinition } from "../job/job-definition.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import type { IdParts, JsonValue } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import type { MayBeLeftOut } from "../job/json-input.ts";
import type { RetryOptions } from "../job/retry-options.ts";
import type { UniqueCall } from "../job/unique-options.ts";

/** Options of one enqueue. They come before those of the definition. */
export interface EnqueueOptions {
  /**
   * A UUID in lower case, or the parts to derive one from, as in `["receipt", orderId]`: see `derivedId`. The parts are stored
   * as `meta.id_source`. Omitted: a new id. The same id with the same content is stored once (`stored: false`) while the
   * backend has the job: waiting, running or dead. Replay a dead job instead of enqueueing it again. Use `runAt` with an id
   * of your own, not `delay`: a delay makes different content each time, which is an `ID_CONFLICT`. For the same reason
   * telemetry adds no trace to a job with an id of your own.
   */
  readonly id?: string | IdParts | undefined;
  /** The job starts no sooner than this long from now. Not together with `runAt`. */
  readonly delay?: Duration | undefined;
  /** The job starts no sooner than this time. A time in the past means now. */
  readonly runAt?: Date | undefined;
  /** Longer than `delay`. A job that has not started this long from now is dead-lettered. Not together with `expiresAt`. */
  readonly expiresIn?: Duration | undefined;
  /** As `expiresIn`, as a time. Use it with an `id` of your own. */
  readonly expiresAt?: Date | undefined;
  /** Default: the definition's queue. */
  readonly queue?: string | undefined;
  /** −100 to 100; jobs of a higher priority run first. Default 0. Refused where the backend has no priorities. */
  readonly priority?: number | undefined;
  /** The tenant that the job belongs to. Omitted: none. */
  readonly tenant?: string | undefined;
  /**
   * Stored in the envelope beside the payload; at most 16 KiB. `traceparent` and `tracestate`, as W3C defines them, name the
   * trace of the run. Omitted: `telemetry` adds its own.
   */
  readonly meta?: { readonly [key: string]: JsonValue } | undefined;
  /** Its members come before those of the worker's definition. */
  readonly retry?: RetryOptions<string> | undefined;
  /**
   * Refuses this job while an equal one is unfinished: `{ key: "acme" }`. Its members come before those of the definition. False:
   * whatever the definition says, this one is not unique. Omitted: as the definition says.
   */
  readonly unique?: UniqueCall | false | undefined;
  /** Longest run of one attempt, rounded up to whole seconds. Default: the definition's. */
  readonly timeout?: Duration | undefined;
}

/** One item of `enqueueMany`. Its payload may be omitted where the definition's schema allows `undefined`. */
export type EnqueueItem<Input = unknown> =
  | ItemWithPayload<Input>
  | (MayBeLeftOut<Input> extends true ? ItemWithoutPayload<Input> : never);

interface ItemWithPayload<Input> extends ItemWithoutPayload<Input> {
  /** The input of the definition's schema. */
  readonly payload: NoInfer<Input>;
}

interface ItemWithoutPayload<Input> {
  /** A definition, or the name of a type, whose payload is not checked. */
  readonly job: JobDefinition<Input, unknown> | string;
  /** Options of this item. Omitted: those of the definition. */
  readonly options?: EnqueueOptions | undefined;
}

/** Intersected with an item of an iterable: checks its payload by its own definition. */
export type FittingItem<Item> = Item extends { readonly job: JobDefinition<infer Input, infer _, infer _Result> }
  ? EnqueueItem<Input>
  : EnqueueItem;

/** Returns when the job may start, in Unix milliseconds. Null: now. */
export function startMs(options: EnqueueOptions, type: string, nowMs: number): number | null {
  const { delay, runAt } = options;
  if (delay !== undefined && runAt !== undefined) {
    throw refuse(`"${type}" was enqueued with both delay and runAt; give one`);
  }
  if (runAt !== undefined) return runAt.getTime();
  const delayMs = delay === undefined ? 0 : durationMs(delay, "delay");
  return delayMs === 0 ? null : nowMs + delayMs;
}

/** Returns when the job expires, in Unix milliseconds. Null: never. Throws for a job that would expire before it may start. */
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

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
