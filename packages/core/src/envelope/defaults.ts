import type { EnvelopeRetry } from "./envelope.ts";

/** A complete retry policy, with durations in milliseconds. `Match` is the type by which a definition names errors. */
export interface RetryPolicy<Match = string> {
  /** The number of runs, the first included. */
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly coefficient: number;
  readonly maxMs: number;
  readonly jitter: boolean;
  /** Compared with `error.code`, else with `error.name`; a final ".*" matches every code with that prefix. */
  readonly nonRetryableErrors: readonly Match[];
  readonly onExhaustion: NonNullable<EnvelopeRetry["on_exhaustion"]>;
}

/** The values that apply where neither the envelope nor the worker's definition has one. */
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
