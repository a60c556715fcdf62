import type { Duration } from "../time/duration.ts";
import type { ErrorRule } from "./error-rules.ts";
import type { JobContext } from "./job-context.ts";
import type { JsonInput, JsonPayload } from "./json-input.ts";
import type { JobLimit } from "./limit-options.ts";
import type { RetryOptions } from "./retry-options.ts";
import type { InputOf, OutputOf, StandardSchema } from "./standard-schema.ts";
import type { UniqueOptions, UniqueRule } from "./unique-options.ts";
import type { Upcasters } from "./upcast.ts";

/**
 * Runs one job. The job is completed when the function resolves. `RetryLater` releases it without spending an attempt,
 * `DeadLetter` ends it and keeps it as a dead letter, `Discard` ends it and does not keep it; any other error is a failed
 * attempt, unless `errors` or `nonRetryable` say otherwise. It may run more than once for one job and must tolerate that.
 */
export type Handler<Payload, Result = void> = (payload: Payload, job: JobContext) => Promise<Result> | Result;

/** The handler as a method, whose type lets definitions with different payloads stand in one list. */
interface Handling<Payload, Result> {
  handle(payload: Payload, job: JobContext): Promise<Result> | Result;
}

/** The schema of the payload: of the only argument, or of the whole list. */
type ArgumentOptions<Schema> =
  | {
      /**
       * Any Standard Schema. Checked at enqueue and again before the handler runs. The schema's input is stored, so it must
       * be JSON: dates as ISO strings. Omitted: any JSON value.
       */
      readonly payload?: (Schema & JsonInput<Schema>) | undefined;
      readonly args?: undefined;
    }
  | {
      readonly payload?: undefined;
      /**
       * Instead of `payload`, for types whose producers in other languages pass several arguments: the schema of the whole
       * list, such as `z.tuple([z.string(), z.number()])`. The list is then the payload of the handler, of `enqueue` and of
       * upcasters.
       */
      readonly args: Schema & JsonInput<Schema> & StandardSchema<readonly unknown[], unknown>;
    };

interface DefinitionOptions<Schema> {
  /** Lower-case words joined by dots and underscores, such as "receipt.send". */
  readonly type: string;
  /** The queue that the job waits in. Default "default". */
  readonly queue?: string | undefined;
  /** When the next attempt follows a failed one. Default: 10 attempts, 5 s to 1 h apart. */
  readonly retry?: RetryOptions | undefined;
  /**
   * Decides the outcome by the error that the handler throws: `[{ error: CardDeclined, do: "dead_letter" }, { error:
   * "STRIPE.*", do: "retry", delay: "1m" }]`. The first match decides. `RetryLater`, `DeadLetter`, `Discard`, and the errors
   * that `nonRetryable` or the envelope name come before them. Default none.
   */
  readonly errors?: readonly ErrorRule[] | undefined;
  /** Longest run of one attempt. Default "15m". */
  readonly timeout?: Duration | undefined;
  /**
   * Longest time for all attempts together, counted from when the job could first start: its `runAt` or `delay`, else
   * its enqueue. Then the job is dead-lettered as `DEADLINE`: a running attempt is aborted, and a retry that would start
   * later is not awaited. More than 0, at most "366d". Omitted: none. A job enqueued with an `id` and without `runAt`
   * carries no time, so it has no deadline.
   */
  readonly deadline?: Duration | undefined;
  /**
   * Refuses a second job that is equal to an unfinished one: `unique: { by: ({ shop }) => shop }`. `{}`: equal when type and
   * payload are. A backend that keeps no keys needs a ledger. Omitted: any number of equal jobs.
   */
  readonly unique?: UniqueOptions<InputOf<NoInfer<Schema>>> | undefined;
  /** Version of the payload's shape, from 1. A worker releases jobs of a newer version than its own. Default 1. */
  readonly version?: number | undefined;
  /**
   * By version, from 1: converts a payload of that version to the next, before the schema checks it. If it throws, the job
   * ends as `PAYLOAD_INVALID`. Omitted: older payloads are read unchanged.
   */
  readonly upcasters?: Upcasters | undefined;
  /**
   * Limits over all workers, at most 4: `[{ key: ({ account }) => account, concurrency: 1 }, { name: "stripe", rate: "100/1s",
   * burst: 20 }]`. Jobs of several types share a limit whose `name` they have in common. The keys are computed at enqueue and stored as `meta.limits`; a job enqueued without this definition has none.
   * The numbers are those of the workers' definitions. Default none.
   */
  readonly limits?: readonly JobLimit<InputOf<NoInfer<Schema>>>[] | undefined;
}

/** A job whose handler returns nothing. */
interface WithoutResult<Schema> {
  /** A definition with a result has `ResultJobOptions`. Default: none, what the handler returns is not kept. */
  readonly result?: undefined;
  /** Only with `result`. Default: none. */
  readonly keepResult?: undefined;
  /** Omitted: added by `handlerFor`, so that producers need not import the worker's code. */
  readonly handler?: Handler<OutputOf<NoInfer<Schema>>> | undefined;
}

/** A job whose handler returns what `jobs.result` waits for. */
interface WithResult<Schema, Result> {
  /**
   * Any Standard Schema of what the handler returns: JSON of at most 65,000 bytes. It is kept for `jobs.result`. A value that the
   * schema refuses, or that is no JSON, ends the job as `RESULT_INVALID`. Needs a ledger.
   */
  readonly result: Result & JsonInput<Result>;
  /** How long the result is kept after the end. More than 0, at most "366d". Default "1h". */
  readonly keepResult?: Duration | undefined;
  /** Omitted: added by `handlerFor`, so that producers need not import the worker's code. */
  readonly handler?: Handler<OutputOf<NoInfer<Schema>>, InputOf<NoInfer<Result>>> | undefined;
}

/**
 * Options of a job; those of an enqueue come before them. The type argument is the schema, or the type of the payload.
 * A function of your own that passes options on takes these as its parameter: `<Schema>(options: JobOptions<Schema>) =>
 * defineJob<Schema>({ ...options, queue: "mail" })`.
 */
export type JobOptions<Schema> = DefinitionOptions<Schema> &
  ArgumentOptions<Schema> &
  WithoutResult<Schema> &
  JsonPayload<NoInfer<Schema>>;

/** Options of a job whose handler returns a result. */
export type ResultJobOptions<Schema, Result> = DefinitionOptions<Schema> &
  ArgumentOptions<Schema> &
  WithResult<Schema, Result> &
  JsonPayload<NoInfer<Schema>>;

/** A job as `defineJob` returns it: with its defaults, and durations in milliseconds. */
export interface JobDefinition<Input = unknown, Output = Input, Result = unknown> {
  readonly type: string;
  /** Null: the payload is any JSON value. */
  readonly schema: StandardSchema<Input, Output> | null;
  /** Whether the payload is the whole list of arguments, declared by `args`. */
  readonly positional: boolean;
  readonly queue: string;
  /** When the next attempt follows a failed one. Default: 10 attempts, 5 s to 1 h apart. */
  readonly retry: RetryOptions;
  readonly errors: readonly ErrorRule[];
  /** Null: the spec's default of 900 s. */
  readonly timeoutMs: number | null;
  /** Null: none. */
  readonly deadlineMs: number | null;
  /** Null: any number of equal jobs. */
  readonly unique: UniqueRule<Input> | null;
  /** Version of the payload's shape, from 1. */
  readonly version: number;
  readonly upcasters: Upcasters;
  /** As they were given. Checked when a connection is opened with the definition, a worker is made of it or a job is enqueued. */
  readonly limits: readonly JobLimit[];
  /** The schema of what the handler returns, as it was given. Checked when a worker is made of it. Absent: nothing is kept. */
  readonly result?: StandardSchema | undefined;
  /** How long the result is kept. Absent: "1h". */
  readonly keepResult?: Duration | undefined;
  /** Null: for producers alone; `handlerFor` adds one. */
  readonly handler: Handling<Output, Result>["handle"] | null;
}

/** The type of the payload that a definition's handler is called with: the output of its schema. */
export type PayloadOf<Definition extends JobDefinition> =
  Definition extends JobDefinition<infer _, infer Output> ? Output : never;
