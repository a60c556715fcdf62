import { assertDefinition } from "../job/check-definition.ts";
import { wallMs } from "../time/clock.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { formatTimestamp, newId, serialiseEnvelope } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { EventBus } from "../observability/events.ts";
import { execute } from "../execution/execute.ts";
import type { OptionalPayload } from "../job/json-input.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import type { Middleware } from "../job/middleware.ts";
import type { Outcome } from "../job/outcome.ts";
import { argsOf, validatePayload } from "../job/payload.ts";
import { createHandlerRegistry } from "../execution/handler-registry.ts";
import { toError } from "../values/thrown.ts";

/** Options of a job that runs inline. */
export interface InlineOptions {
  /** The attempt that the handler sees, from 1. Default 1. */
  readonly attempt?: number | undefined;
  /** Emits `started` and `finished`. Default: a new one. */
  readonly events?: EventBus | undefined;
  /** The first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Default: a new id. */
  readonly id?: string | undefined;
}

const INLINE_OPTIONS: OptionNames<InlineOptions> = { attempt: true, events: true, middleware: true, id: true };

/**
 * Runs one job in this process, as a worker would, and returns its outcome, also when the handler throws. The payload is
 * checked, serialised, parsed and checked again, so that a value that JSON would change fails in the test. Rejects
 * `PAYLOAD_INVALID` as `enqueue` would.
 */
export async function executeInline<Input, Output>(
  job: JobDefinition<Input, Output>,
  payload: NoInfer<Input>,
  options?: InlineOptions,
): Promise<Outcome>;
export async function executeInline<Input, Output>(
  job: JobDefinition<Input, Output> & OptionalPayload<Input>,
): Promise<Outcome>;
export async function executeInline(
  job: JobDefinition,
  payload?: unknown,
  options: InlineOptions = {},
): Promise<Outcome> {
  assertKnownOptions(options, INLINE_OPTIONS, "the options of executeInline");
  assertDefinition(job, "the job to run");
  const { attempt = 1, events = new EventBus(), middleware = [], id = newId() } = options;
  if (!Number.isSafeInteger(attempt) || attempt < 1)
    throw new WaybillError(
      "CONFIG_INVALID",
      `attempt of executeInline is ${describeValue(attempt)}: a whole number from 1`,
    );
  const args = await argsOf(job, payload);
  await validatePayload(job, args);
  const meta = job.version === 1 ? {} : { meta: { payload_version: job.version } };
  const { type, queue } = job;
  const created_at = formatTimestamp(wallMs());
  const body = serialiseEnvelope({ spec: "waybill/1", id, type, queue, args, created_at, ...meta });
  const delivery = { body, attempt, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "inline" };
  return execute(delivery, createHandlerRegistry([job], { events, middleware }));
}

/** Runs one job as `executeInline` does. Rejects unless it completed, with the handler's error or one that names the outcome. */
export async function runInline<Input, Output>(
  job: JobDefinition<Input, Output>,
  payload: NoInfer<Input>,
  options?: InlineOptions,
): Promise<void>;
export async function runInline<Input, Output>(
  job: JobDefinition<Input, Output> & OptionalPayload<Input>,
): Promise<void>;
export async function runInline(job: JobDefinition, payload?: unknown, options: InlineOptions = {}): Promise<void> {
  const outcome = await executeInline(job, payload, options);
  switch (outcome.kind) {
    case "completed":
      return;
    case "retry":
      throw outcome.error;
    case "release":
      throw new WaybillError(
        "RETRY_LATER",
        `"${job.type}" was released for ${outcome.delayMs} ms: ${outcome.reason.message}`,
      );
    case "dead":
      throw outcome.error ?? toError(outcome.reason.message);
  }
}
