import type { EnvelopeRetry } from "./envelope.ts";

/** A retry policy with nothing left open, in this process's units. */
export interface RetryPolicy {
  /** Runs in all, the first included. */
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly coefficient: number;
  readonly maxMs: number;
  readonly jitter: boolean;
  /** Matched against `error.code`, else `error.name`; a final ".*" covers what begins so. */
  readonly nonRetryableErrors: readonly string[];
  readonly onExhaustion: NonNullable<EnvelopeRetry["on_exhaustion"]>;
}

/** What holds where neither the envelope nor the worker's definition says otherwise. */
export const defaults: {
  readonly queue: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly payloadVersion: number;
  readonly retry: RetryPolicy;
} = Object.freeze({
  queue: "default",
  priority: 0,
  timeoutMs: 900_000,
  payloadVersion: 1,
  retry: Object.freeze({
    maxAttempts: 10,
    initialMs: 5_000,
    coefficient: 2,
    maxMs: 3_600_000,
    jitter: true,
    nonRetryableErrors: Object.freeze([]),
    onExhaustion: "dead_letter",
  }),
});
