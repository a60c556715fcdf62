import type { Lease } from "@waybill/core/backend";
import type { Taken } from "./batches.ts";
import { LONGEST_BLOCK_MS } from "./connections.ts";
import { leaseOf } from "./label.ts";
import type { ScriptBook } from "./scripts.ts";

/** Takes jobs of one queue out of BullMQ's hands, and puts them back there. */
export interface Claim {
  /** At most `count` leases, in order. Rejects only if it got none. */
  take(count: number, leaseMs: number): Promise<Lease[]>;
  /** What came along with acks. */
  found(taken: Taken, token: string, expiresAt: number): Lease[];
  /** Back to the front of the line, as if nobody had taken them. */
  putBack(leases: readonly Lease[]): void;
  /** How long nothing can change unannounced: until the next delay or the next look for lost leases ends. */
  untilNextMs(): number;
  /** Resolves when everything is put back that was to be. */
  settled(): Promise<void>;
}

/** Those who hold a short lease are given up sooner; for long ones, once a second. */
const SHARE_OF_LEASE = 4;
const SHORTEST_CHECK_MS = 50;
const LONGEST_CHECK_MS = 1_000;
const REMEMBER_SHORT_MS = 10_000;

/** `looked` hears how each look for lost jobs ended: null, or what was thrown. */
export function createClaim(
  queue: string,
  scripts: ScriptBook,
  nextToken: () => string,
  looked: (thrown: unknown) => void,
): Claim {
  const returning = new Set<Promise<unknown>>();
  let checkedAt = -Infinity;
  let checkMs = LONGEST_CHECK_MS;
  let shortUntil = -Infinity;
  let nextDueAt = 0;

  /** BullMQ marks every held job, and at the next look takes back those that are marked still and have no lock. */
  function checkLost(leaseMs: number): Promise<unknown> | null {
    const now = performance.now();
    const wantedMs = Math.min(Math.max(leaseMs / SHARE_OF_LEASE, SHORTEST_CHECK_MS), LONGEST_CHECK_MS);
    if (wantedMs < LONGEST_CHECK_MS) shortUntil = now + REMEMBER_SHORT_MS;
    checkMs = now > shortUntil ? LONGEST_CHECK_MS : Math.min(checkMs, wantedMs);
    if (now - checkedAt < checkMs) return null;
    checkedAt = now;
    return scripts.lookForLost(queue, checkMs);
  }

  function found({ jobs, nextDueAt: next }: Taken, token: string, expiresAt: number): Lease[] {
    if (next > 0) nextDueAt = next;
    return jobs.map((job) => leaseOf(job, queue, token, expiresAt));
  }

  return {
    found,
    async take(count, leaseMs) {
      const check = checkLost(leaseMs)?.then(() => looked(null), looked);
      const token = nextToken();
      const expiresAt = Date.now() + leaseMs;
      nextDueAt = 0;
      const taken = await scripts.batches.take(scripts.base(queue), Math.ceil(leaseMs), token, count);
      await check;
      if (taken.jobs.length === 0 && taken.error !== null) throw taken.error;
      return found(taken, token, expiresAt);
    },
    putBack(leases) {
      for (const { id, token } of leases) {
        // If it fails, the job comes back when its lock ends.
        const back = scripts
          .of(queue)
          .moveJobFromActiveToWait(id, String(token))
          .catch(() => undefined)
          .finally(() => returning.delete(back));
        returning.add(back);
      }
    },
    untilNextMs() {
      const untilCheckMs = checkedAt + checkMs - performance.now();
      const untilDueMs = nextDueAt > 0 ? nextDueAt - Date.now() : LONGEST_BLOCK_MS;
      return Math.min(untilCheckMs, untilDueMs);
    },
    async settled() {
      await Promise.all(returning);
    },
  };
}
