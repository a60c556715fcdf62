import { retryPolicyOf, timeoutMsOf } from "../envelope/index.ts";
import { PayloadError, WaybillError } from "../errors.ts";
import { inFreshScope, JobContext } from "../job/job-context.ts";
import { completed, completedBefore, dead, type Outcome, outcomeOf } from "../job/outcome.ts";
import { validatePayload } from "../job/payload.ts";
import { upcast } from "../job/upcast.ts";
import { wallMs } from "../time/clock.ts";
import { isInstance } from "../values/any-value.ts";
import { pastDeadline } from "./job-deadline.ts";
import { reportStarted } from "./report.ts";
import type { Run } from "./run.ts";

/**
 * Checks the payload and calls the handler, both within the job's timeout and its deadline. Returns the outcome of how that
 * ended; never rejects for what a schema or a handler throws.
 */
export async function runHandler(run: Run): Promise<Outcome> {
  const { envelope, job, delivery, endsAt } = run;
  const handle = run.handle();
  const context = new JobContext(envelope, run.queue, delivery, handle);
  const { limitMs, exceeded } = timeLimitOf(run);
  let refused: Outcome | null = null;
  let returned: Outcome = completed;

  /** Ends the run for the job's own payload. An error in a payload that the handler enqueues is an error like any other. */
  function refusePayload(thrown: unknown): void {
    if (!isInstance(thrown, PayloadError)) throw thrown;
    refused = dead(thrown.code, thrown.message, thrown);
  }

  async function callAndKeep(payload: unknown): Promise<void> {
    await callHandler(run, context, payload);
    returned = await (await import("./check-result.ts")).completedWith(job, run.returned);
  }

  const call = (payload: unknown): Promise<void> | void =>
    job.result === null ? callHandler(run, context, payload) : callAndKeep(payload);

  function checkAndCall(): Promise<void> | void {
    let payload: unknown;
    try {
      payload = checkedPayload(run);
    } catch (thrown) {
      return refusePayload(thrown);
    }
    if (payload instanceof Promise) return payload.then(call, refusePayload);
    return call(payload);
  }

  try {
    await handle.run(checkAndCall, limitMs, exceeded);
    if (refused !== null) return refused;
    return context.completed ? completedBefore : returned;
  } catch (thrown) {
    const policy = envelope.retry === undefined ? job.policy : retryPolicyOf(envelope, job.policy);
    const { verdicts } = job;
    return outcomeOf(thrown, { id: envelope.id, attempt: delivery.attempt, handle }, { policy, verdicts, endsAt });
  }
}

/** The nearer of the timeout of this run and the deadline of the job, with the error for which the run is aborted. */
function timeLimitOf({ envelope, job, endsAt }: Run): { limitMs: number; exceeded: () => WaybillError } {
  const { type, deadlineMs } = job;
  const timeoutMs = job.forwards ? job.timeoutMs : timeoutMsOf(envelope, job.timeoutMs);
  const leftMs = endsAt === null ? Infinity : endsAt - wallMs();
  if (leftMs <= timeoutMs) return { limitMs: leftMs, exceeded: () => pastDeadline(type, deadlineMs) };
  const message = `"${type}" ran longer than its timeout of ${timeoutMs} ms`;
  return { limitMs: timeoutMs, exceeded: () => new WaybillError("JOB_TIMEOUT", message) };
}

/** Brings the payload to the version known here and checks it. Returns a promise only for an asynchronous schema. */
function checkedPayload({ envelope, job }: Run): unknown {
  const args = job.forwards ? envelope.args : upcast(job, envelope.meta?.payload_version ?? 1, envelope.args);
  return validatePayload(job, args);
}

/** Calls the handler within middleware, span and a fresh async scope. */
function callHandler(run: Run, context: JobContext, payload: unknown): Promise<void> | void {
  const { job, registry, processing } = run;
  run.handlerCalled = true;
  reportStarted(run);
  const call = (): Promise<void> | void =>
    job.result === null ? (job.handler(payload, context) as Promise<void> | void) : keepReturned(run, context, payload);
  const { middleware } = registry;
  const wrapped = middleware === null ? call : () => middleware(context, async () => call());
  return inFreshScope(context, processing === null ? wrapped : () => processing.within(wrapped));
}

async function keepReturned(run: Run, context: JobContext, payload: unknown): Promise<void> {
  run.returned = await run.job.handler(payload, context);
}
