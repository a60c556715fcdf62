import { wallMs } from "./clock.ts";
import {
  defaults,
  type Envelope,
  parseEnvelope,
  parseTimestamp,
  retryPolicyOf,
  timeoutMsOf,
} from "./envelope/index.ts";
import { EnvelopeError, PayloadError, WaybillError } from "./errors.ts";
import type { Delivery } from "./delivery.ts";
import type { OutcomeEvent, StartedEvent } from "./events.ts";
import { Execution } from "./execution.ts";
import { inFreshScope, JobContext } from "./job-context.ts";
import { completed, completedBefore, dead, type Outcome, outcomeOf, release } from "./outcome.ts";
import { unmetNeed } from "./need.ts";
import { envelopeWithin, readSignedWrapper } from "./signed-wrapper.ts";
import { validatePayload } from "./payload.ts";
import type { RegisteredJob, Registry } from "./registry.ts";
import { type Origin, type Processing, type ProcessStart, traceOf } from "./telemetry.ts";
import { endOf, pastDeadline } from "./total-deadline.ts";
import { releaseUnknown } from "./unknown-job.ts";
import { upcast } from "./upcast.ts";
import { describeOutcome } from "./outcome-event.ts";
import { isInstance, toError } from "./thrown.ts";

/**
 * Runs one delivery to its outcome. Touches no backend and no socket. Never rejects: whatever throws around the handler,
 * a schema, a signature check, telemetry or a listener, is a failed attempt like one that the handler throws.
 */
export async function execute(delivery: Delivery, registry: Registry): Promise<Outcome> {
  const startedAt = performance.now();
  const run: Run = { delivery, registry, envelope: null, processing: null, started: false };
  let outcome: Outcome | null = null;
  try {
    outcome = await decide(run);
    tell(run, outcome, startedAt);
    return outcome;
  } catch (thrown) {
    return outcome ?? failedAround(run, thrown);
  }
}

function tell(run: Run, outcome: Outcome, startedAt: number): void {
  const { events } = run.registry;
  if (run.processing === null && !events.has("finished")) return;
  const event = outcomeEvent(run, outcome, performance.now() - startedAt);
  run.processing?.end(event);
  events.emit("finished", event);
}

/** Ends a run that threw outside its handler: a failed attempt, so that `maxAttempts` bounds it. */
function failedAround({ delivery, envelope, registry }: Run, thrown: unknown): Outcome {
  const definition = envelope === null ? undefined : registry.find(envelope.type);
  const policy = definition?.policy ?? defaults.retry;
  const of = { id: envelope?.id ?? delivery.label?.id ?? "", attempt: delivery.attempt, execution: new Execution() };
  const errors = { policy: envelope === null ? policy : retryPolicyOf(envelope, policy), verdicts: [], endsAt: null };
  return outcomeOf(thrown, of, errors);
}

interface Run {
  /** As it came, or what was in its wrapper. */
  delivery: Delivery;
  readonly registry: Registry;
  envelope: Envelope | null;
  processing: Processing | null;
  started: boolean;
}

async function decide(run: Run): Promise<Outcome> {
  const { registry } = run;
  const { damage } = run.delivery;
  if (damage) return rejected(damage.code, damage.message);
  const envelope = openEnvelope(run);
  if (!(envelope instanceof Error)) run.envelope = envelope;
  if (registry.telemetry !== null) run.processing = registry.telemetry.process(processStart(run));
  if (envelope instanceof Error) return poison(envelope);
  const { delivery } = run;
  const { body, signature, label } = delivery;
  const refused = registry.signatures?.({ id: envelope.id, body, signature }, label?.queue ?? null);
  if (refused) return dead("SIGNATURE_INVALID", refused);
  const early = beforeStart(envelope, delivery, registry);
  if (early) return early;
  const job = registry.find(envelope.type);
  if (job === undefined) return releaseUnknown(envelope, delivery, null);
  const version = envelope.meta?.payload_version ?? 1;
  if (version > job.version) return releaseUnknown(envelope, delivery, { version, known: job.version });
  return runHandler(run, envelope, job);
}

/** What the body holds, or its wrapper, of which nothing but the job within goes on; or why there is none. */
function openEnvelope(run: Run): Envelope | Error {
  const { delivery } = run;
  try {
    return delivery.envelope ?? parseEnvelope(delivery.body);
  } catch (thrown) {
    const wrapper = readSignedWrapper(delivery.body);
    if (wrapper === null) return toError(thrown);
    run.delivery = { ...delivery, body: wrapper.envelope, signature: wrapper.signature };
    try {
      return envelopeWithin(wrapper);
    } catch (within) {
      return toError(within);
    }
  }
}

function poison(error: Error): Outcome {
  return rejected(error instanceof EnvelopeError ? error.envelopeCode : "ENVELOPE_INVALID", error.message, error);
}

function rejected(code: string, message: string, error?: Error): Outcome {
  return { kind: "dead", reason: { code, message }, kept: true, rejected: true, ...(error && { error }) };
}

/** What can be decided without the job's definition. */
function beforeStart(envelope: Envelope, delivery: Delivery, registry: Registry): Outcome | null {
  const now = wallMs();
  const early = delivery.isDue ? 0 : startOf(envelope, delivery) - now;
  if (early > 0) return release(early, "EARLY", `the job is due in ${early} ms`);
  if (envelope.expires_at !== undefined && now >= parseTimestamp(envelope.expires_at)) {
    return dead("EXPIRED", `the job was not to start at or after ${envelope.expires_at}`);
  }
  if (delivery.lost >= registry.maxLost) {
    return dead(
      "WORKER_LOST",
      `${delivery.lost} deliveries ended with their worker gone; the job may be what kills it`,
    );
  }
  const unmet = unmetNeed(envelope, registry.capabilities);
  return unmet === null ? null : dead("NEED_UNSUPPORTED", unmet);
}

/** Unix milliseconds before which the job must not start; 0 for none. */
function startOf({ scheduled_at: scheduledAt }: Envelope, { dueAt }: Delivery): number {
  return Math.max(scheduledAt === undefined ? 0 : parseTimestamp(scheduledAt), dueAt ?? 0);
}

async function runHandler(run: Run, envelope: Envelope, job: RegisteredJob): Promise<Outcome> {
  const { delivery, registry } = run;
  const { verdicts } = job;
  const execution = delivery.execution ?? new Execution();
  const policy = envelope.retry === undefined ? job.policy : retryPolicyOf(envelope, job.policy);
  const timeoutMs = job.handsOn ? job.timeoutMs : timeoutMsOf(envelope, job.timeoutMs);
  const endsAt = endOf(envelope, job.deadlineMs);
  const leftMs = endsAt === null ? Infinity : endsAt - wallMs();
  const late = (): WaybillError => pastDeadline(job.type, job.deadlineMs);
  if (leftMs <= 0) return dead("DEADLINE", late().message);
  const context = new JobContext(envelope, queueOf(run), delivery, execution);
  let refused: Outcome | null = null;

  /** Only the job's own payload ends it; one that its handler fails to enqueue is an error like any other. */
  function refuse(thrown: unknown): void {
    if (!isInstance(thrown, PayloadError)) throw thrown;
    refused = dead(thrown.code, thrown.message, thrown);
  }
  function begin(payload: unknown): Promise<void> | void {
    run.started = true;
    if (registry.events.has("started")) registry.events.emit("started", startedEvent(run));
    const call = (): Promise<void> | void => job.handler(payload, context);
    const { middleware } = registry;
    const wrapped = middleware === null ? call : () => middleware(context, async () => call());
    const { processing } = run;
    return inFreshScope(context, processing === null ? wrapped : () => processing.within(wrapped));
  }
  function checkAndBegin(): Promise<void> | void {
    try {
      const args = job.handsOn ? envelope.args : upcast(job, envelope.meta?.payload_version ?? 1, envelope.args);
      const checked = validatePayload(job, args);
      if (checked instanceof Promise) return checked.then(begin, refuse);
      return begin(checked);
    } catch (thrown) {
      if (run.started) throw thrown;
      return refuse(thrown);
    }
  }

  try {
    if (leftMs <= timeoutMs) await execution.run(checkAndBegin, leftMs, late);
    else await execution.run(checkAndBegin, timeoutMs, () => timedOut(job.type, timeoutMs));
    if (refused) return refused;
    return context.completed ? completedBefore : completed;
  } catch (thrown) {
    const { attempt } = delivery;
    return outcomeOf(thrown, { id: envelope.id, attempt, execution }, { policy, verdicts, endsAt });
  }
}

function queueOf({ delivery, envelope }: Run): string {
  return delivery.label?.queue ?? envelope?.queue ?? defaults.queue;
}

function timedOut(type: string, timeoutMs: number): WaybillError {
  return new WaybillError("JOB_TIMEOUT", `"${type}" ran longer than its timeout of ${timeoutMs} ms`);
}

function startedEvent(run: Run): StartedEvent {
  const { delivery, envelope } = run;
  const traceparent = envelope?.meta?.["traceparent"];
  return {
    id: envelope?.id ?? delivery.label?.id ?? "",
    type: envelope?.type ?? delivery.label?.type ?? "",
    queue: queueOf(run),
    attempt: delivery.attempt,
    lost: delivery.lost,
    releases: delivery.releases,
    worker: delivery.worker,
    ...(typeof traceparent === "string" && { traceparent }),
  };
}

function processStart(run: Run): ProcessStart {
  const { from = NOBODY_SAYS, body } = run.delivery;
  const started = startedEvent(run);
  const registered = run.registry.events.types.has(started.type);
  return { ...started, from, registered, body, trace: traceOf(run.envelope?.meta) };
}

const NOBODY_SAYS: Origin = { name: "waybill" };

function outcomeEvent(run: Run, outcome: Outcome, elapsedMs: number): OutcomeEvent {
  return describeOutcome(startedEvent(run), outcome, run.started ? elapsedMs : 0);
}
