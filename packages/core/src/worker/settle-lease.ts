import type { Lease } from "../backend/contract.ts";
import type { Seam } from "../backend/seam.ts";
import type { Outcome } from "../job/outcome.ts";

/** Settles a lease as its outcome says. Does nothing when the handler has completed the job in its own transaction. */
export function settle(
  seam: Pick<Seam, "ack" | "retry" | "deadLetter">,
  lease: Lease,
  outcome: Outcome,
): Promise<unknown> {
  switch (outcome.kind) {
    case "completed":
      return outcome.settled ? Promise.resolve() : seam.ack(lease);
    case "retry":
      return seam.retry(lease, { delayMs: outcome.delayMs, countsAttempt: true });
    case "release":
      return seam.retry(lease, { delayMs: outcome.delayMs, countsAttempt: false });
    case "dead":
      return outcome.kept ? seam.deadLetter(lease, outcome.reason) : seam.ack(lease);
  }
}
