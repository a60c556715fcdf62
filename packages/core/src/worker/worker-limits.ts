import type { LeaseRequest } from "../backend/contract.ts";
import type { Seam } from "../backend/seam.ts";
import { assertLimits } from "../features/limits/assert-limits.ts";
import { createLimitGate, type LimitGate } from "../features/limits/limit-gate.ts";
import type { LimitNumbers } from "../features/limits/limit-numbers.ts";
import { type Reachability, reachedBy } from "../observability/reachability.ts";

/** How one worker keeps the limits of its definitions and queues. */
export interface WorkerLimits {
  /** Null where no limit needs the ledger. */
  readonly gate: LimitGate | null;
  /** Returns what a lease of this queue asks the backend to count. */
  request(queue: string): Pick<LeaseRequest, "concurrency" | "queueConcurrency">;
}

export interface WorkerLimitsSettings {
  readonly numbers: LimitNumbers;
  readonly seam: Pick<Seam, "backend" | "ledger">;
  readonly leaseMs: number;
  readonly reachability: Reachability;
}

/** Throws `CAPABILITY_MISSING` for limits that neither the backend nor a ledger keeps. */
export function workerLimits({ numbers, seam, leaseMs, reachability }: WorkerLimitsSettings): WorkerLimits {
  const { ledger } = seam;
  const { keyConcurrency, countsReleases } = seam.backend.capabilities;
  assertLimits(numbers, seam.backend.capabilities, ledger);
  const countsKeys = keyConcurrency === true;
  const { concurrency, rates, queues } = numbers;
  const limits = [...queues.values()];
  const hasRates = rates.size > 0 || limits.some(({ rate }) => rate !== undefined);
  const hasSlots = concurrency.size > 0 || limits.some((queue) => queue.concurrency !== undefined);
  const needsLedger = hasRates || (hasSlots && !countsKeys);
  const reached = reachedBy(reachability, "limits");
  const named = countsKeys && concurrency.size > 0 ? { concurrency: Object.fromEntries(concurrency) } : {};
  return {
    gate:
      needsLedger && ledger !== null
        ? createLimitGate({ ledger, numbers, countsKeys, countsReleases, leaseMs, reached })
        : null,
    request(queue) {
      const most = queues.get(queue)?.concurrency;
      return countsKeys && most !== undefined ? { ...named, queueConcurrency: most } : named;
    },
  };
}
