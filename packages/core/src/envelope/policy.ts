import { defaults, type RetryPolicy } from "./defaults.ts";
import { parseDuration } from "./duration.ts";
import type { Envelope } from "./envelope.ts";

/**
 * Returns the retry policy of one job: each member from the envelope, else from the worker's definition, else the
 * default.
 */
export function retryPolicyOf<Match = string>(
  envelope: Envelope,
  definition: Partial<RetryPolicy<Match>> = {},
): RetryPolicy<Match | string> {
  const wire = envelope.retry ?? {};
  const otherwise = { ...defaults.retry, ...definition };
  return {
    maxAttempts: wire.max_attempts ?? otherwise.maxAttempts,
    initialMs: wire.initial_interval === undefined ? otherwise.initialMs : parseDuration(wire.initial_interval),
    coefficient: wire.backoff_coefficient ?? otherwise.coefficient,
    maxMs: wire.max_interval === undefined ? otherwise.maxMs : parseDuration(wire.max_interval),
    jitter: wire.jitter ?? otherwise.jitter,
    nonRetryableErrors: wire.non_retryable_errors ?? otherwise.nonRetryableErrors,
    onExhaustion: wire.on_exhaustion ?? otherwise.onExhaustion,
  };
}

/**
 * Returns how long one run of the job may take, in milliseconds: from the envelope, else from the worker's definition,
 * else the default.
 */
export function timeoutMsOf(envelope: Envelope, definitionMs?: number): number {
  return envelope.timeout === undefined ? (definitionMs ?? defaults.timeoutMs) : envelope.timeout * 1_000;
}
