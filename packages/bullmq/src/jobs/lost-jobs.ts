/** Looks for jobs whose worker died, at the pace that the leases of this process ask for. */
export interface LostJobs {
  /** Looks, if it is time. Resolves when the look has ended, whatever came of it; null when none was due. */
  check(leaseMs: number): Promise<void> | null;
  /** Milliseconds until the next look is due. */
  untilNextMs(): number;
}

/** A lost job of a short lease is found sooner; of a long one, within a second. */
const SHARE_OF_LEASE = 4;
const SHORTEST_MS = 50;
const LONGEST_MS = 1_000;
const REMEMBER_SHORT_MS = 10_000;

/**
 * BullMQ marks every leased job, and at the next look returns those to the queue that are still marked and have no lock.
 * `looked` is called after each look, with null or with what was thrown.
 */
export function createLostJobs(
  look: (everyMs: number) => Promise<unknown>,
  looked: (thrown: unknown) => void,
): LostJobs {
  let lookedAt = -Infinity;
  let everyMs = LONGEST_MS;
  let shortUntil = -Infinity;

  return {
    check(leaseMs) {
      const now = performance.now();
      const wantedMs = Math.min(Math.max(leaseMs / SHARE_OF_LEASE, SHORTEST_MS), LONGEST_MS);
      if (wantedMs < LONGEST_MS) shortUntil = now + REMEMBER_SHORT_MS;
      everyMs = now > shortUntil ? LONGEST_MS : Math.min(everyMs, wantedMs);
      if (now - lookedAt < everyMs) return null;
      lookedAt = now;
      return look(everyMs).then(() => looked(null), looked);
    },
    untilNextMs: () => lookedAt + everyMs - performance.now(),
  };
}
