import { assertDefinition, assertHandler, assertSchema } from "./check-definition.ts";
import { type Duration, durationMs } from "./duration.ts";
import { type ErrorRule, verdictsOf } from "./error-rules.ts";
import { WaybillError } from "./errors.ts";
import type { JobContext } from "./job-context.ts";
import { assertKnownOptions, type OptionNames, shown } from "./known-options.ts";
import { checkUpcasters, type Upcasters } from "./upcast.ts";
import type { InputOf, OutputOf, StandardSchema } from "./standard-schema.ts";

/** How a failed attempt is followed by the next. Absent members come from the spec's defaults. */
export interface RetryOptions {
  /** Executions allowed, the first included: 1 to 100. Default 10. */
  readonly maxAttempts?: number;
  /** Wait after the first failure, before jitter. Default "5s". */
  readonly initial?: Duration;
  /** Each wait is the one before times this, at least 1. Default 2. */
  readonly factor?: number;
  /** No wait is longer. Default "1h". */
  readonly max?: Duration;
  /** Spread the waits over 0.5 to 1.5 times their length, reproducibly by job id. Default true. */
  readonly jitter?: boolean;
  /** Codes of errors, else their names (or classes), that end the job at once; `"prefix.*"` matches all below. Default none. */
  readonly nonRetryable?: readonly string[];
  /** What happens after the last attempt: kept for a person, or forgotten. Default "dead_letter". */
  readonly onExhaustion?: "dead_letter" | "discard";
}

/**
 * The user's function. Resolves: the job is completed. Throws `RetryLater`: put back uncounted; `Discard`: kept
 * for a person; anything else: a failed attempt. It may run more than once and must tolerate that.
 */
export type Handler<Payload> = (payload: Payload, job: JobContext) => Promise<void> | void;

/** As a definition holds it: a method's type, so that definitions of different payloads fit one list. */
interface Handling<Payload> {
  handle(payload: Payload, job: JobContext): Promise<void> | void;
}

/** What a job's handler gets: one argument, or the whole list of them. */
type ArgumentOptions<Schema extends StandardSchema> =
  | {
      /** Any Standard Schema. Checked at enqueue and again before the handler runs. Absent: any JSON value. */
      readonly payload?: Schema;
      readonly args?: never;
    }
  | {
      readonly payload?: never;
      /**
       * Instead of `payload`, for types whose arguments other languages give one after the other: the schema of the
       * whole list, as `z.tuple([z.string(), z.number()])`. The list is then the payload, of handler, `enqueue` and
       * upcasters.
       */
      readonly args: Schema & StandardSchema<readonly unknown[], unknown>;
    };

interface DefinitionOptions<Schema extends StandardSchema> {
  /** Names the handler: dots and underscores, no hyphens; "receipt.send". */
  readonly type: string;
  /** Where the job waits. Default "default". */
  readonly queue?: string;
  /** How a failed attempt is followed by the next. Default: 10 attempts, from 5 s to 1 h apart. */
  readonly retry?: RetryOptions;
  /**
   * What becomes of the job by the error that its handler throws, the first match deciding: `[{ error: CardDeclined,
   * do: "dead_letter" }, { error: "STRIPE.*", do: "retry", delay: "1m" }]`. Before them come `RetryLater`, `Discard`,
   * and what `nonRetryable`, or the envelope's own list, names. Default none.
   */
  readonly errors?: readonly ErrorRule[];
  /** Longest run of one attempt. Default "15m". */
  readonly timeout?: Duration;
  /**
   * All attempts together, counted from when the job could first start: its `runAt` or `delay`, else when it was
   * enqueued. Then it is kept for a person as `DEADLINE`: a running attempt is aborted, a retry that would start
   * later is not waited for. More than 0, at most "366d". Absent: none, as for a job enqueued with an `id` and no
   * `runAt`, which tells no time.
   */
  readonly deadline?: Duration;
  /** Of the payload's shape, from 1. A worker puts back jobs newer than its own version. Default 1. */
  readonly version?: number;
  /**
   * By version, from 1: makes of a payload of that version one of the next, before the schema looks at it. A throw is a
   * payload that does not fit. Absent: older payloads are read as they are.
   */
  readonly upcasters?: Upcasters;
  /** May be added later with `handlerFor`, so that producers need not import the worker's code. */
  readonly handler?: Handler<OutputOf<Schema>>;
}

/** What a job is, and how it runs unless an enqueue says otherwise. */
export type JobOptions<Schema extends StandardSchema> = DefinitionOptions<Schema> & ArgumentOptions<Schema>;

/** A job as `defineJob` made it: its defaults filled in, its durations in milliseconds. */
export interface JobDefinition<Input = unknown, Output = Input> {
  readonly type: string;
  /** Null: any JSON value is a payload. */
  readonly schema: StandardSchema<Input, Output> | null;
  /** Whether the payload is the whole list of arguments, declared by `args`. */
  readonly positional: boolean;
  readonly queue: string;
  /** How a failed attempt is followed by the next. Default: 10 attempts, from 5 s to 1 h apart. */
  readonly retry: RetryOptions;
  readonly errors: readonly ErrorRule[];
  /** Null: the spec's default of 900 s. */
  readonly timeoutMs: number | null;
  /** Null: none. */
  readonly deadlineMs: number | null;
  /** Of the payload's shape, from 1. */
  readonly version: number;
  readonly upcasters: Upcasters;
  /** Null: a producer's half; `handlerFor` adds one. */
  readonly handler: Handling<Output>["handle"] | null;
}

/** What a definition's handler gets: the payload as its schema returns it. */
export type PayloadOf<Definition extends JobDefinition> =
  Definition extends JobDefinition<infer _, infer Output> ? Output : never;

const JOB_OPTIONS: OptionNames<JobOptions<StandardSchema>> = {
  type: true,
  payload: true,
  args: true,
  queue: true,
  retry: true,
  errors: true,
  timeout: true,
  deadline: true,
  version: true,
  upcasters: true,
  handler: true,
};

const RETRY_OPTIONS: OptionNames<RetryOptions> = {
  maxAttempts: true,
  initial: true,
  factor: true,
  max: true,
  jitter: true,
  nonRetryable: true,
  onExhaustion: true,
};

const TYPE = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/;
const QUEUE = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

/**
 * Defines a job, once for all. Producers and workers share it. Throws `CONFIG_INVALID` for names and
 * numbers the spec refuses.
 */
export function defineJob<Schema extends StandardSchema = StandardSchema>(
  options: JobOptions<Schema>,
): JobDefinition<InputOf<Schema>, OutputOf<Schema>> {
  assertKnownOptions(options as JobOptions<StandardSchema>, JOB_OPTIONS, "the options of defineJob");
  const { type, queue = "default", version = 1, retry = {}, errors = [], upcasters = {} } = options;
  if (typeof type !== "string" || !TYPE.test(type) || type.length > 128) {
    throw refuse(
      `job type ${shown(type)}: use lower-case words joined by dots and underscores, such as "receipt.send"`,
    );
  }
  assertQueue(queue, `queue of "${type}"`);
  if (!Number.isSafeInteger(version) || version < 1) throw refuse(`version of "${type}" is ${version}: count from 1`);
  checkUpcasters(upcasters, version, type);
  checkRetry(retry, `"${type}"`);
  verdictsOf(errors, type);
  const timeoutMs = options.timeout === undefined ? null : durationMs(options.timeout, `timeout of "${type}"`);
  if (timeoutMs !== null && (timeoutMs === 0 || timeoutMs > 604_800_000)) {
    throw refuse(`timeout of "${type}" is ${timeoutMs} ms: more than 0 and at most "7d"`);
  }
  const deadlineMs = options.deadline === undefined ? null : durationMs(options.deadline, `deadline of "${type}"`);
  if (deadlineMs !== null && (deadlineMs === 0 || deadlineMs > 366 * 86_400_000)) {
    throw refuse(`deadline of "${type}" is ${deadlineMs} ms: more than 0 and at most "366d"`);
  }
  const { payload, args, handler = null } = options;
  assertSchema(payload, `payload of "${type}"`);
  assertSchema(args, `args of "${type}"`);
  if (handler !== null) assertHandler(handler, type);
  if (payload !== undefined && args !== undefined) {
    throw refuse(`"${type}" has both payload and args; keep the schema of its one argument, or that of the whole list`);
  }
  const schema = (payload ?? args ?? null) as StandardSchema<InputOf<Schema>, OutputOf<Schema>> | null;
  return {
    type,
    schema,
    positional: args !== undefined,
    queue,
    retry,
    errors,
    timeoutMs,
    deadlineMs,
    version,
    upcasters,
    handler,
  };
}

/**
 * A job with its handler. It is the worker's half of a definition that producers share. Throws `CONFIG_INVALID` if it
 * has one already.
 */
export function handlerFor<Input, Output>(
  definition: JobDefinition<Input, Output>,
  handler: Handler<Output>,
): JobDefinition<Input, Output> {
  assertDefinition(definition, "the first argument of handlerFor");
  assertHandler(handler, definition.type);
  if (definition.handler !== null) throw refuse(`"${definition.type}" has a handler already; keep one of the two`);
  return { ...definition, handler };
}

/** Throws `CONFIG_INVALID` unless `queue` is a name every backend can hold. */
export function assertQueue(queue: string, name: string): void {
  if (typeof queue === "string" && QUEUE.test(queue)) return;
  throw refuse(`${name} is ${shown(queue)}: use 1 to 63 lower-case letters, digits, dots and hyphens`);
}

/** `of` names whose they are, as in `"receipt.send"`. Throws `CONFIG_INVALID` naming the member. */
export function checkRetry(retry: RetryOptions, of: string): void {
  assertKnownOptions(retry, RETRY_OPTIONS, `the retry options of ${of}`);
  const { maxAttempts = 10, factor = 2, initial = 5_000, max = 3_600_000 } = retry;
  if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > 100) {
    throw refuse(`retry.maxAttempts of ${of} is ${maxAttempts}: 1 to 100, the first attempt included`);
  }
  const { nonRetryable = [] } = retry;
  const isList = Array.isArray(nonRetryable) && nonRetryable.length <= 100;
  if (!isList || !nonRetryable.every((one) => typeof one === "string" && one !== "" && one.length <= 255)) {
    throw refuse(`retry.nonRetryable of ${of}: give a list of at most 100 codes or names, of 1 to 255 characters each`);
  }
  if (!(factor >= 1) || !Number.isFinite(factor)) throw refuse(`retry.factor of ${of} is ${factor}: at least 1`);
  for (const [name, value] of [
    ["initial", initial],
    ["max", max],
  ] as const) {
    const option = `retry.${name} of ${of}`;
    const ms = durationMs(value, option);
    if (ms <= 0 || ms > 366 * 86_400_000) throw refuse(`${option} is ${ms} ms: more than 0 and at most "366d"`);
  }
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
