import { assertDefinition, assertHandler, assertSchema } from "./check-definition.ts";
import { durationMs } from "../time/duration.ts";
import { checkedRules } from "./error-rules.ts";
import { WaybillError } from "../errors.ts";
import type { Handler, JobDefinition, JobOptions, ResultJobOptions } from "./job-definition.ts";
import { assertKnownOptions, type OptionNames, describeValue } from "../known-options.ts";
import { checkUpcasters } from "./upcast.ts";
import { checkRetry } from "./retry-options.ts";
import type { InputOf, OutputOf, StandardSchema } from "./standard-schema.ts";
import { uniqueRule } from "./unique-options.ts";

type EitherOptions = JobOptions<StandardSchema> | ResultJobOptions<StandardSchema, StandardSchema>;

const JOB_OPTIONS: OptionNames<JobOptions<StandardSchema>> = {
  type: true,
  payload: true,
  args: true,
  queue: true,
  retry: true,
  errors: true,
  timeout: true,
  deadline: true,
  unique: true,
  version: true,
  upcasters: true,
  limits: true,
  result: true,
  keepResult: true,
  handler: true,
};

const TYPE = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/;
const QUEUE = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

/**
 * Defines a job. Producers and workers share the definition. The payload's type comes from the schema. Without a schema it
 * is the type argument, as in `defineJob<{ orderId: string }>({ type })`, and waybill checks only that the payload is JSON.
 * Throws `CONFIG_INVALID` for an option that the spec does not allow.
 */
export function defineJob<Schema = StandardSchema>(
  options: JobOptions<Schema>,
): JobDefinition<InputOf<Schema>, OutputOf<Schema>, void>;
export function defineJob<Schema, Result extends StandardSchema>(
  options: ResultJobOptions<Schema, Result>,
): JobDefinition<InputOf<Schema>, OutputOf<Schema>, InputOf<Result>>;
export function defineJob(options: EitherOptions): JobDefinition {
  assertKnownOptions(options, JOB_OPTIONS, "the options of defineJob");
  const { type, queue = "default", version = 1, retry = {}, errors = [], upcasters = {} } = options;
  if (!isType(type)) {
    throw refuse(
      `job type ${describeValue(type)}: use lower-case words joined by dots and underscores, such as "receipt.send"`,
    );
  }
  assertQueue(queue, `queue of "${type}"`);
  if (!Number.isSafeInteger(version) || version < 1)
    throw refuse(`version of "${type}" is ${describeValue(version)}: a whole number from 1`);
  checkUpcasters(upcasters, version, type);
  checkRetry(retry, `"${type}"`);
  checkedRules(errors, type);
  const timeoutMs = options.timeout === undefined ? null : durationMs(options.timeout, `timeout of "${type}"`);
  if (timeoutMs !== null && (timeoutMs === 0 || timeoutMs > 604_800_000)) {
    throw refuse(`timeout of "${type}" is ${timeoutMs} ms: more than 0 and at most "7d"`);
  }
  const deadlineMs = options.deadline === undefined ? null : durationMs(options.deadline, `deadline of "${type}"`);
  if (deadlineMs !== null && (deadlineMs === 0 || deadlineMs > 366 * 86_400_000)) {
    throw refuse(`deadline of "${type}" is ${deadlineMs} ms: more than 0 and at most "366d"`);
  }
  const {
    payload,
    args,
    result,
    keepResult,
    handler = null,
  } = options as ResultJobOptions<StandardSchema, StandardSchema>;
  assertSchema(payload, `payload of "${type}"`);
  assertSchema(args, `args of "${type}"`);
  if (handler !== null) assertHandler(handler, type);
  if (payload !== undefined && args !== undefined) {
    throw refuse(`"${type}" has both payload and args; keep the schema of its one argument, or that of the whole list`);
  }
  const schema = (payload ?? args ?? null) as StandardSchema | null;
  return {
    type,
    schema,
    positional: args !== undefined,
    queue,
    retry,
    errors,
    timeoutMs,
    deadlineMs,
    unique: options.unique === undefined ? null : uniqueRule<unknown>(options.unique, type),
    version,
    upcasters,
    limits: (options as JobOptions<StandardSchema>).limits ?? [],
    result,
    keepResult,
    handler: handler as Handler<unknown, unknown> | null,
  };
}

/**
 * Adds the handler to a definition, for programs whose producers do not import the worker's code. Returns a new definition.
 * Throws `CONFIG_INVALID` if it has a handler already.
 */
export function handlerFor<Input, Output, Result>(
  definition: JobDefinition<Input, Output, Result>,
  handler: Handler<Output, NoInfer<Result>>,
): JobDefinition<Input, Output, Result> {
  assertDefinition(definition, "the first argument of handlerFor");
  assertHandler(handler, definition.type);
  if (definition.handler !== null) throw refuse(`"${definition.type}" has a handler already; keep one of the two`);
  return { ...definition, handler };
}

/** Throws `CONFIG_INVALID` unless every backend accepts `queue` as a name. `name` says which option it is. */
export function assertQueue(queue: string, name: string): void {
  if (typeof queue === "string" && QUEUE.test(queue)) return;
  throw refuse(`${name} is ${describeValue(queue)}: use 1 to 63 lower-case letters, digits, dots and hyphens`);
}

/** Throws `CONFIG_INVALID` unless the spec allows `type` as a type of job. `name` says what it is. */
export function assertType(type: string, name: string): void {
  if (isType(type)) return;
  const such = 'use lower-case words joined by dots and underscores, such as "receipt.send"';
  throw refuse(`${name} is ${describeValue(type)}: ${such}`);
}

const isType = (type: unknown): boolean => typeof type === "string" && TYPE.test(type) && type.length <= 128;

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
