import type { Backend, Lease } from "./backend.ts";
import type { Outcome } from "./outcome.ts";

/** Pull mode's half of settling: an outcome becomes one call on the backend. `ack` gathers, so it is handed in. */
export function settle(
  backend: Backend,
  ack: (lease: Lease) => Promise<unknown>,
  lease: Lease,
  outcome: Outcome,
): Promise<unknown> {
  const longest = backend.capabilities.maxRetryDelayMs;
  switch (outcome.kind) {
    case "completed":
      return outcome.settled ? Promise.resolve() : ack(lease);
    case "retry":
      return backend.retry(lease, { delayMs: Math.min(outcome.delayMs, longest), countsAttempt: true });
    case "release":
      return backend.retry(lease, { delayMs: Math.min(outcome.delayMs, longest), countsAttempt: false });
    case "dead":
      return outcome.kept ? backend.deadLetter(lease, outcome.reason) : ack(lease);
  }
}
