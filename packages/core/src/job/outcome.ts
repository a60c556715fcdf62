import type { DeadReason } from "../backend/contract.ts";
import { wallMs } from "../time/clock.ts";
import { brandOf } from "../errors.ts";
import type { RunHandle } from "./run-handle.ts";
import { retryDelayMs, type RetryPolicy } from "../envelope/index.ts";
import { errorRecord, type ErrorRecord, parseError } from "../values/error-record.ts";
import type { ErrorVerdict } from "./error-verdicts.ts";
import type { ErrorMatch } from "./error-match.ts";
import { isNonRetryable } from "./retry-policy.ts";
import { CODE_LENGTH, cutText, member } from "../values/any-value.ts";
import { errorCode, errorMessage, describeError, toError } from "../values/thrown.ts";

/** How one run ended. A `switch` over it has no default, so that a new kind fails to compile. */
export type Outcome =
  | {
      readonly kind: "completed";
      /** True if the handler has acked the job in its own transaction. */
      readonly settled?: true;
      /** What the handler returned, as JSON. Only of a definition with `result`; omitted where it returned nothing. */
      readonly result?: string;
    }
  | { readonly kind: "retry"; readonly delayMs: number; readonly reason: DeadReason; readonly error: Error }
  /** The job returns to its queue without spending an attempt. */
  | { readonly kind: "release"; readonly delayMs: number; readonly reason: DeadReason }
  | {
      readonly kind: "dead";
      readonly reason: DeadReason;
      /** Omitted if no handler threw. */
      readonly error?: Error;
      /** True: kept as a dead letter. False: discarded, so that the backend removes the job as if it had completed. */
      readonly kept: boolean;
      /** True if the delivery is no valid envelope. */
      readonly rejected?: true;
    };

export const completed: Outcome = { kind: "completed" };
/** Completed by the handler in its own transaction. */
export const completedBefore: Outcome = { kind: "completed", settled: true };

/**
 * The shortest release that a handler, an `errors` rule or another system can ask for. A release spends no attempt, so a
 * shorter one could run a job in a hot loop.
 */
export const LEAST_RELEASE_MS = 100;

/** Returns a release. `delayMs` is rounded up to a whole millisecond. */
export function release(delayMs: number, code: string, message: string, error?: ErrorRecord | null): Outcome {
  return { kind: "release", delayMs: Math.ceil(delayMs), reason: reasonOf(code, message, error) };
}

/** Returns the end of a job that is kept as a dead letter. */
export function dead(code: string, message: string, error?: Error, record?: ErrorRecord): Outcome {
  return { kind: "dead", reason: reasonOf(code, message, record), kept: true, ...(error && { error }) };
}

/** The end of a job that was cancelled. It is not kept. */
export const endedByCancel: Outcome = {
  kind: "dead",
  reason: { code: "CANCELLED", message: "the job was cancelled" },
  kept: false,
};

/** The end of a delivery whose id has finished before. It is not kept. */
export const endedBefore: Outcome = {
  kind: "dead",
  reason: { code: "FINISHED_BEFORE", message: "a job of this id has finished already" },
  kept: false,
};

/** Returns the end of a job that is not kept. */
function discarded(message: string, error: Error, record: ErrorRecord): Outcome {
  return { kind: "dead", reason: reasonOf("DISCARDED", message, record), kept: false, error };
}

/** Cuts the texts of a reason to the lengths that every backend can store. Every reason is made here. */
function reasonOf(code: string, message: string, error?: ErrorRecord | null): DeadReason {
  return { code: cutText(code, CODE_LENGTH), message: cutText(message), ...(error && { error }) };
}

/** How a job's envelope and definition treat errors. */
export interface OfErrors {
  readonly policy: RetryPolicy<ErrorMatch>;
  /** The first that matches decides, unless the policy calls the error non-retryable. */
  readonly verdicts: readonly ErrorVerdict[];
  /** When all attempts must have ended, in Unix milliseconds. Null for no deadline. */
  readonly endsAt: number | null;
}

/** Decides the outcome of a run that threw. No other function does. Never throws, whatever the value is. */
export function outcomeOf(
  thrown: unknown,
  job: { readonly id: string; readonly attempt: number; readonly handle: RunHandle },
  { policy, verdicts, endsAt }: OfErrors,
): Outcome {
  if (job.handle.endsJob) return endedByCancel;
  const error = toError(thrown);
  const cancelled = job.handle.reason;
  const late = cancelled?.code === "DEADLINE" || cancelled?.code === "JOB_TIMEOUT";
  if (cancelled && !late) return release(0, cancelled.code, cancelled.message);
  // If a timeout ended the run, the error that the handler threw for it shows where it was.
  const cause = cancelled ?? thrown;
  const record = (): ErrorRecord => errorRecord(cause, thrown);
  if (cancelled?.code === "DEADLINE") return dead(cancelled.code, cancelled.message, cancelled, record());
  // By the brand, which data cannot forge: a response or a row may have such a `code`.
  const brand = brandOf(thrown);
  const forwarded = brand === "Forwarded" ? forwardedOutcome(member(thrown, "outcome")) : null;
  if (forwarded !== null) return forwarded;
  if (brand === "RetryLater") {
    const delayMs = releaseDelayOf(member(thrown, "delayMs"));
    return inTime(release(delayMs, "RETRY_LATER", errorMessage(thrown)), thrown, endsAt);
  }
  // An error that a handler throws because its signal aborted counts as the timeout, whatever its class.
  const ends = brandOf(cause);
  if (ends === "DeadLetter") return dead("DEAD_LETTERED", errorMessage(cause), error, record());
  if (ends === "Discard") return discarded(errorMessage(cause), error, record());
  if (isNonRetryable(cause, policy)) return dead("NON_RETRYABLE", describeError(cause), error, record());
  const rule = verdicts.find(({ matches }) => matches(cause));
  const delayMs = rule?.delayMs ?? retryDelayMs(job.id, job.attempt, policy);
  switch (rule?.verdict) {
    case "dead_letter":
      return dead("NON_RETRYABLE", describeError(cause), error, record());
    case "discard":
      return discarded(describeError(cause), error, record());
    case "release":
      return inTime(release(releaseDelayOf(delayMs), errorCode(cause), describeError(cause), record()), cause, endsAt);
    case "retry":
    case undefined:
      return inTime(failed(cause, record(), delayMs, policy, job.attempt), cause, endsAt);
  }
}

/** Reads an outcome from elsewhere, member by member. Null if it is no outcome: then the attempt has failed. */
function forwardedOutcome(outcome: unknown): Outcome | null {
  const reason = member(outcome, "reason");
  const record = parseError(member(reason, "error"));
  const said = reasonOf(textOf(member(reason, "code")), textOf(member(reason, "message")), record);
  const delayMs = member(outcome, "delayMs");
  switch (member(outcome, "kind")) {
    case "completed":
      return completed;
    case "retry":
      return {
        kind: "retry",
        delayMs: Math.ceil(delayOf(delayMs)),
        reason: said,
        error: toError(member(outcome, "error") ?? reason),
      };
    case "release":
      return release(releaseDelayOf(delayMs), said.code, said.message, record);
    case "dead":
      return { kind: "dead", reason: said, kept: member(outcome, "kept") !== false };
    default:
      return null;
  }
}

/** Ends a job whose next run would start at its deadline or later. */
function inTime(outcome: Outcome, thrown: unknown, endsAt: number | null): Outcome {
  if (endsAt === null || (outcome.kind !== "retry" && outcome.kind !== "release")) return outcome;
  if (wallMs() + outcome.delayMs < endsAt) return outcome;
  return dead(
    "DEADLINE",
    `the next run, in ${outcome.delayMs} ms, would be past the deadline: ${describeError(thrown)}`,
    toError(thrown),
    outcome.reason.error,
  );
}

function failed(
  thrown: unknown,
  record: ErrorRecord,
  delayMs: number,
  policy: RetryPolicy<ErrorMatch>,
  attempt: number,
): Outcome {
  const error = toError(thrown);
  if (attempt < policy.maxAttempts) {
    const reason = reasonOf(errorCode(thrown), describeError(thrown), record);
    return { kind: "retry", delayMs: Math.ceil(delayMs), reason, error };
  }
  const message = `attempt ${attempt} of ${policy.maxAttempts} failed: ${describeError(thrown)}`;
  const kept = policy.onExhaustion !== "discard";
  return { kind: "dead", reason: reasonOf("ATTEMPTS_EXHAUSTED", message, record), error, kept };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function releaseDelayOf(delayMs: unknown): number {
  return Math.max(delayOf(delayMs), LEAST_RELEASE_MS);
}

function delayOf(delayMs: unknown): number {
  return typeof delayMs === "number" && Number.isFinite(delayMs) && delayMs > 0 ? delayMs : 0;
}
