import type { RetryOptions } from "./retry-options.ts";
import { durationMs } from "../time/duration.ts";
import type { ErrorMatch } from "./error-match.ts";
import { defaults, type EnvelopeRetry, formatDuration, type RetryPolicy } from "../envelope/index.ts";
import { isMatch } from "./match-error.ts";

/** Returns a definition's retry policy, completed by the spec's defaults. */
export function policyOf(retry: RetryOptions): RetryPolicy<ErrorMatch> {
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

/** Returns the `retry` member of an envelope. Members that the call omits are omitted. */
export function envelopeRetry(retry: RetryOptions<string>): EnvelopeRetry {
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

export function isNonRetryable(thrown: unknown, policy: RetryPolicy<ErrorMatch>): boolean {
  return policy.nonRetryableErrors.some((match) => isMatch(thrown, match));
}
