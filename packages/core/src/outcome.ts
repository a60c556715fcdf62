import type { DeadReason } from "./backend.ts";
import { wallMs } from "./clock.ts";
import { isWaybillError, toError } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { retryDelayMs, type RetryPolicy } from "./envelope/index.ts";
import type { ErrorVerdict } from "./error-rules.ts";
import { codeOf, isNonRetryable } from "./retry-policy.ts";

/** How one execution ended. Switched on without a default, so that a fifth kind fails to compile. */
export type Outcome =
  | {
      readonly kind: "completed";
      /** True when the handler's own transaction acked already. */
      readonly settled?: true;
    }
  | { readonly kind: "retry"; readonly delayMs: number; readonly reason: DeadReason; readonly error: Error }
  /** Back to the queue without spending an attempt. */
  | { readonly kind: "release"; readonly delayMs: number; readonly reason: DeadReason }
  | {
      readonly kind: "dead";
      readonly reason: DeadReason;
      /** Absent when no handler threw. */
      readonly error?: Error;
      /** False: the job asked to be forgotten. */
      readonly kept: boolean;
    };

export const completed: Outcome = { kind: "completed" };
/** By the handler itself, within its own transaction. */
export const completedBefore: Outcome = { kind: "completed", settled: true };

export function release(delayMs: number, code: string, message: string): Outcome {
  return { kind: "release", delayMs, reason: { code, message } };
}

export function dead(code: string, message: string, error?: Error): Outcome {
  return { kind: "dead", reason: { code, message }, kept: true, ...(error && { error }) };
}

/** What a job's envelope and its definition say of errors. */
export interface OfErrors {
  readonly policy: RetryPolicy;
  /** The first that matches decides, unless the policy calls the error non-retryable. */
  readonly verdicts: readonly ErrorVerdict[];
  /** When all attempts must have ended, in Unix milliseconds; null for never. */
  readonly endsAt: number | null;
}

/** The only function that turns an error into a decision. */
export function outcomeOf(
  thrown: unknown,
  job: { readonly id: string; readonly attempt: number; readonly execution: Execution },
  { policy, verdicts, endsAt }: OfErrors,
): Outcome {
  const error = toError(thrown);
  const cancelled = job.execution.reason;
  if (cancelled?.code === "DEADLINE") return dead(cancelled.code, cancelled.message, cancelled);
  if (cancelled && cancelled.code !== "JOB_TIMEOUT") return release(0, cancelled.code, cancelled.message);
  if (isWaybillError(error, "RAN_ELSEWHERE") && "outcome" in error) return error.outcome as Outcome;
  if (isWaybillError(error, "RETRY_LATER")) {
    return inTime(release(delayOf(error), "RETRY_LATER", error.message), error, endsAt);
  }
  // What a handler throws because its own signal fired is the timeout, whatever it is called.
  const cause = cancelled ?? error;
  if (isWaybillError(cause, "DISCARD")) return dead(cause.code, cause.message, error);
  if (isNonRetryable(cause, policy)) return dead("NON_RETRYABLE", describe(cause), error);
  const rule = verdicts.find(({ matches }) => matches(cause));
  const delayMs = rule?.delayMs ?? retryDelayMs(job.id, job.attempt, policy);
  switch (rule?.verdict) {
    case "dead_letter":
      return dead("NON_RETRYABLE", describe(cause), error);
    case "discard":
      return { kind: "dead", reason: { code: "DISCARD", message: describe(cause) }, error, kept: false };
    case "release":
      return inTime(release(delayMs, codeOf(cause), describe(cause)), cause, endsAt);
    case "retry":
    case undefined:
      return inTime(failed(cause, delayMs, policy, job.attempt), cause, endsAt);
  }
}

/** What would start again at its deadline or later ends now: nobody could run it then. */
function inTime(outcome: Outcome, error: Error, endsAt: number | null): Outcome {
  if (endsAt === null || (outcome.kind !== "retry" && outcome.kind !== "release")) return outcome;
  if (wallMs() + outcome.delayMs < endsAt) return outcome;
  return dead(
    "DEADLINE",
    `the next run, in ${outcome.delayMs} ms, would be past the deadline: ${describe(error)}`,
    error,
  );
}

function failed(error: Error, delayMs: number, policy: RetryPolicy, attempt: number): Outcome {
  if (attempt >= policy.maxAttempts) return exhausted(error, policy, attempt);
  return { kind: "retry", delayMs, reason: { code: codeOf(error), message: describe(error) }, error };
}

function exhausted(error: Error, policy: RetryPolicy, attempt: number): Outcome {
  const message = `attempt ${attempt} of ${policy.maxAttempts} failed: ${describe(error)}`;
  return {
    kind: "dead",
    reason: { code: "ATTEMPTS_EXHAUSTED", message },
    error,
    kept: policy.onExhaustion !== "discard",
  };
}

function delayOf(error: Error): number {
  const delayMs = "delayMs" in error ? Number(error.delayMs) : 0;
  return Number.isFinite(delayMs) && delayMs > 0 ? delayMs : 0;
}

function describe(error: Error): string {
  return error.message === "" ? error.name : `${error.name}: ${error.message}`;
}
