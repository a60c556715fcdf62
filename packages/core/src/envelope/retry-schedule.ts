import { hash } from "node:crypto";

export interface RetryWaits {
  /** The wait after the first failure. */
  readonly initialMs: number;
  /** At least 1. */
  readonly coefficient: number;
  readonly maxMs: number;
  readonly jitter: boolean;
}

/**
 * Returns how long job `id` waits after its `failure`th failure (1 is the first), in milliseconds. The result is the
 * same in every language, jitter included. It is 0 only for waits under 2 ms.
 */
export function retryDelayMs(id: string, failure: number, policy: RetryWaits): number {
  let delay = Math.min(policy.initialMs, policy.maxMs);
  for (let step = 1; step < failure && delay < policy.maxMs; step++) {
    const next = Math.min(delay * policy.coefficient, policy.maxMs);
    if (next === delay) break;
    delay = next;
  }
  if (policy.jitter) delay *= 0.5 + fraction(id, failure);
  return Math.min(Math.floor(delay), policy.maxMs);
}

/**
 * Returns a number in [0, 1), uniform over jobs and fixed for one failure of one job: 48 bits of SHA-256 over
 * "id:failure".
 */
function fraction(id: string, failure: number): number {
  return hash("sha256", `${id}:${failure}`, "buffer").readUIntBE(0, 6) / 2 ** 48;
}
