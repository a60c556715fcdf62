import { wallMs } from "../clock.ts";
import type { JobDefinition } from "../define-job.ts";
import { formatTimestamp, newId, serialiseEnvelope } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { EventBus } from "../events.ts";
import { execute } from "../execute.ts";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";
import type { Middleware } from "../middleware.ts";
import type { Outcome } from "../outcome.ts";
import { argsOf, validatePayload } from "../payload.ts";
import { createRegistry } from "../registry.ts";
import { toError } from "../thrown.ts";

/** The delivery that a job run inline is to see. */
export interface InlineOptions {
  /** Which execution this is, from 1. Default 1. */
  readonly attempt?: number;
  /** Hears `started` and `finished`. */
  readonly events?: EventBus;
  /** The first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[];
  /** Default: a fresh one. */
  readonly id?: string;
}

const INLINE_OPTIONS: OptionNames<InlineOptions> = { attempt: true, events: true, middleware: true, id: true };

/**
 * Runs one job here, as a worker would. The payload is checked, serialised, parsed and checked again, so that what would
 * not survive the journey fails in the test. Answers the outcome, whatever the handler throws. Rejects `PAYLOAD_INVALID`
 * as `enqueue` would.
 */
export async function executeInline<Input, Output>(
  job: JobDefinition<Input, Output>,
  payload: NoInfer<Input>,
  options: InlineOptions = {},
): Promise<Outcome> {
  assertKnownOptions(options, INLINE_OPTIONS, "the options of executeInline");
  const { attempt = 1, events = new EventBus(), middleware = [], id = newId() } = options;
  const args = argsOf(job, payload);
  await validatePayload(job, args);
  const meta = job.version === 1 ? {} : { meta: { payload_version: job.version } };
  const { type, queue } = job;
  const created_at = formatTimestamp(wallMs());
  const body = serialiseEnvelope({ spec: "waybill/1", id, type, queue, args, created_at, ...meta });
  const delivery = { body, attempt, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "inline" };
  return execute(delivery, createRegistry([job], { events, middleware }));
}

/** As `executeInline`; throws unless completed. What is thrown is the handler's error, or names the outcome. */
export async function runInline<Input, Output>(
  job: JobDefinition<Input, Output>,
  payload: NoInfer<Input>,
  options: InlineOptions = {},
): Promise<void> {
  const outcome = await executeInline(job, payload, options);
  switch (outcome.kind) {
    case "completed":
      return;
    case "retry":
      throw outcome.error;
    case "release":
      throw new WaybillError(
        "RETRY_LATER",
        `"${job.type}" was put back for ${outcome.delayMs} ms: ${outcome.reason.message}`,
      );
    case "dead":
      throw outcome.error ?? toError(outcome.reason.message);
  }
}
