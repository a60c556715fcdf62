import type { DeadReason } from "./backend.ts";
import { wallMs } from "./clock.ts";
import { brandOf } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { retryDelayMs, type RetryPolicy } from "./envelope/index.ts";
import type { ErrorVerdict } from "./error-rules.ts";
import { isNonRetryable } from "./retry-policy.ts";
import { CODE_LENGTH, cutText, errorCode, errorMessage, describeError, member, toError } from "./thrown.ts";

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
      /** True when the delivery is no envelope: it never was a job. */
      readonly rejected?: true;
    };

export const completed: Outcome = { kind: "completed" };
/** By the handler itself, within its own transaction. */
export const completedBefore: Outcome = { kind: "completed", settled: true };

/**
 * The shortest release that a handler, an `errors` rule or another system can ask for. A release spends no attempt, so a
 * shorter one could run a job in a hot loop.
 */
export const LEAST_RELEASE_MS = 100;

/** `delayMs` is rounded up to a whole millisecond. */
export function release(delayMs: number, code: string, message: string): Outcome {
  return { kind: "release", delayMs: Math.ceil(delayMs), reason: reasonOf(code, message) };
}

export function dead(code: string, message: string, error?: Error): Outcome {
  return { kind: "dead", reason: reasonOf(code, message), kept: true, ...(error && { error }) };
}

/** Every reason is made here: both texts have a bounded length, and every store can keep them. */
function reasonOf(code: string, message: string): DeadReason {
  return { code: cutText(code, CODE_LENGTH), message: cutText(message) };
}

/** What a job's envelope and its definition say of errors. */
export interface OfErrors {
  readonly policy: RetryPolicy;
  /** The first that matches decides, unless the policy calls the error non-retryable. */
  readonly verdicts: readonly ErrorVerdict[];
  /** When all attempts must have ended, in Unix milliseconds; null for never. */
  readonly endsAt: number | null;
}

/** The only function that turns a thrown value into a decision. Never throws, whatever the value is. */
export function outcomeOf(
  thrown: unknown,
  job: { readonly id: string; readonly attempt: number; readonly execution: Execution },
  { policy, verdicts, endsAt }: OfErrors,
): Outcome {
  const error = toError(thrown);
  const cancelled = job.execution.reason;
  if (cancelled?.code === "DEADLINE") return dead(cancelled.code, cancelled.message, cancelled);
  if (cancelled && cancelled.code !== "JOB_TIMEOUT") return release(0, cancelled.code, cancelled.message);
  // By the brand, which data cannot forge: a receiver's answer or a row may well have such a `code`.
  const brand = brandOf(thrown);
  const forwarded = brand === "RanElsewhere" ? forwardedOutcome(member(thrown, "outcome")) : null;
  if (forwarded !== null) return forwarded;
  if (brand === "RetryLater") {
    const delayMs = releaseDelayOf(member(thrown, "delayMs"));
    return inTime(release(delayMs, "RETRY_LATER", errorMessage(thrown)), thrown, endsAt);
  }
  // What a handler throws because its own signal fired is the timeout, whatever it is called.
  const cause = cancelled ?? thrown;
  if (brandOf(cause) === "Discard") return dead("DISCARD", errorMessage(cause), error);
  if (isNonRetryable(cause, policy)) return dead("NON_RETRYABLE", describeError(cause), error);
  const rule = verdicts.find(({ matches }) => matches(cause));
  const delayMs = rule?.delayMs ?? retryDelayMs(job.id, job.attempt, policy);
  switch (rule?.verdict) {
    case "dead_letter":
      return dead("NON_RETRYABLE", describeError(cause), error);
    case "discard":
      return { kind: "dead", reason: reasonOf("DISCARD", describeError(cause)), error, kept: false };
    case "release":
      return inTime(release(releaseDelayOf(delayMs), errorCode(cause), describeError(cause)), cause, endsAt);
    case "retry":
    case undefined:
      return inTime(failed(cause, delayMs, policy, job.attempt), cause, endsAt);
  }
}

/** What was decided elsewhere, member by member. Null if it is no outcome: then the attempt has failed. */
function forwardedOutcome(outcome: unknown): Outcome | null {
  const reason = member(outcome, "reason");
  const { code, message } = reasonOf(textOf(member(reason, "code")), textOf(member(reason, "message")));
  const delayMs = member(outcome, "delayMs");
  switch (member(outcome, "kind")) {
    case "completed":
      return completed;
    case "retry":
      return {
        kind: "retry",
        delayMs: delayOf(delayMs),
        reason: { code, message },
        error: toError(member(outcome, "error") ?? reason),
      };
    case "release":
      return release(releaseDelayOf(delayMs), code, message);
    case "dead":
      return { kind: "dead", reason: { code, message }, kept: member(outcome, "kept") !== false };
    default:
      return null;
  }
}

/** What would start again at its deadline or later ends now: nobody could run it then. */
function inTime(outcome: Outcome, thrown: unknown, endsAt: number | null): Outcome {
  if (endsAt === null || (outcome.kind !== "retry" && outcome.kind !== "release")) return outcome;
  if (wallMs() + outcome.delayMs < endsAt) return outcome;
  return dead(
    "DEADLINE",
    `the next run, in ${outcome.delayMs} ms, would be past the deadline: ${describeError(thrown)}`,
    toError(thrown),
  );
}

function failed(thrown: unknown, delayMs: number, policy: RetryPolicy, attempt: number): Outcome {
  const error = toError(thrown);
  if (attempt < policy.maxAttempts) {
    return { kind: "retry", delayMs, reason: { code: errorCode(thrown), message: describeError(thrown) }, error };
  }
  const message = `attempt ${attempt} of ${policy.maxAttempts} failed: ${describeError(thrown)}`;
  const kept = policy.onExhaustion !== "discard";
  return { kind: "dead", reason: reasonOf("ATTEMPTS_EXHAUSTED", message), error, kept };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function releaseDelayOf(delayMs: unknown): number {
  return Math.max(delayOf(delayMs), LEAST_RELEASE_MS);
}

function delayOf(delayMs: unknown): number {
  return typeof delayMs === "number" && Number.isFinite(delayMs) && delayMs > 0 ? delayMs : 0;
}
