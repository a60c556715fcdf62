import type { Lease } from "./backend.ts";
import { WaybillError } from "./errors.ts";
import type { Held } from "./held.ts";
import type { Seam } from "./seam.ts";
import type { Slots } from "./slots.ts";

export interface LeaseKeeper {
  /** Call when leases have arrived; the keeper rests while none is held. */
  wake(): void;
  stop(): void;
}

export interface KeeperSettings {
  readonly seam: Seam;
  readonly slots: Slots;
  readonly leaseMs: number;
  /** Puts back, uncounted, a lease that was taken out of the waiting line. */
  readonly release: (held: Held) => void;
}

/** Behind long jobs a fetched job waits this long at most; then another worker may have it. */
const LONGEST_WAIT_MS = 1_000;

/**
 * Extends every held lease once a third of it is spent, in batches: running, waiting and being settled alike.
 * A lease that is lost aborts its handler with `LEASE_LOST`.
 */
export function createLeaseKeeper({ seam, slots, leaseMs, release }: KeeperSettings): LeaseKeeper {
  const tickMs = Math.max(5, Math.min(250, leaseMs / 6));
  let timer: NodeJS.Timeout | null = null;
  let extending = false;

  function tick(): void {
    timer = null;
    const now = performance.now();
    // A process that stood still comes here first: what ran out meanwhile may run elsewhere by now.
    for (const held of slots.held) if (held.ranOut) lose(held);
    const stranded = slots.takeWaiting((waiting) => now - waiting.arrivedAt > LONGEST_WAIT_MS);
    // Those of a full type say nothing of how long jobs are.
    if (stranded.some((held) => !slots.isStopped(held))) slots.startOver();
    for (const held of stranded) release(held);
    if (!extending) void extendDue(now);
    wake();
  }

  /** A lease that lasts as long as the connection is asked after as often, so that its loss is noticed as soon. */
  function isDue(held: Held, now: number): boolean {
    return held.deadline === Infinity ? now - held.heardAt > leaseMs / 3 : held.deadline - now < (leaseMs * 2) / 3;
  }

  async function extendDue(now: number): Promise<void> {
    const due = [...slots.held].filter((held) => !held.gone && isDue(held, now));
    if (due.length === 0) return;
    extending = true;
    const answers = await seam.extend(
      due.map((held): Lease => held.lease),
      leaseMs,
    );
    extending = false;
    for (const [index, held] of due.entries()) {
      const answer = answers[index];
      if (answer?.ok) held.keepUntil(answer.value);
      else if (answer?.error.code === "LEASE_LOST" || held.ranOut) lose(held);
    }
  }

  function lose(held: Held): void {
    // A settle under way is judged by the backend itself; its answer counts, not ours.
    if (held.gone || held.state === "settling") return;
    held.gone = true;
    held.execution.cancel(leaseLost(held.lease), 0);
    for (const waiting of slots.takeWaiting((other) => other === held)) release(waiting);
  }

  function wake(): void {
    if (timer === null && slots.held.size > 0) timer = setTimeout(tick, tickMs);
  }

  return {
    wake,
    stop() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}

export function leaseLost(lease: Lease): WaybillError {
  return new WaybillError(
    "LEASE_LOST",
    `the lease on job "${lease.id}" ran out before it was settled; another worker may have the job`,
  );
}
