import type { RetryOptions } from "./define-job.ts";
import { durationMs } from "./duration.ts";
import { defaults, type EnvelopeRetry, formatDuration, type RetryPolicy } from "./envelope/index.ts";
import { errorCode } from "./thrown.ts";

/** A definition's own policy, over the spec's defaults. */
export function policyOf(retry: RetryOptions): RetryPolicy {
  const base = defaults.retry;
  return {
    maxAttempts: retry.maxAttempts ?? base.maxAttempts,
    initialMs: retry.initial === undefined ? base.initialMs : durationMs(retry.initial, "retry.initial"),
    coefficient: retry.factor ?? base.coefficient,
    maxMs: retry.max === undefined ? base.maxMs : durationMs(retry.max, "retry.max"),
    jitter: retry.jitter ?? base.jitter,
    nonRetryableErrors: retry.nonRetryable ?? base.nonRetryableErrors,
    onExhaustion: retry.onExhaustion ?? base.onExhaustion,
  };
}

/** What a call named, in the envelope's words; members it left out stay out. */
export function envelopeRetry(retry: RetryOptions): EnvelopeRetry {
  return {
    ...(retry.maxAttempts !== undefined && { max_attempts: retry.maxAttempts }),
    ...(retry.initial !== undefined && {
      initial_interval: formatDuration(durationMs(retry.initial, "retry.initial")),
    }),
    ...(retry.factor !== undefined && { backoff_coefficient: retry.factor }),
    ...(retry.max !== undefined && { max_interval: formatDuration(durationMs(retry.max, "retry.max")) }),
    ...(retry.jitter !== undefined && { jitter: retry.jitter }),
    ...(retry.nonRetryable !== undefined && { non_retryable_errors: [...new Set(retry.nonRetryable)] }),
    ...(retry.onExhaustion !== undefined && { on_exhaustion: retry.onExhaustion }),
  };
}

export function isNonRetryable(thrown: unknown, policy: RetryPolicy): boolean {
  return policy.nonRetryableErrors.some((pattern) => isNamed(thrown, pattern));
}

/** Matches the code of a thrown value, else its name: exactly, or below a `"prefix.*"`. */
export function isNamed(thrown: unknown, pattern: string): boolean {
  const name = errorCode(thrown);
  return pattern.endsWith(".*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
