import { createLeaseWaiters, type Lease, type LeaseRequest, type LeaseWaiter } from "@waybill/core/backend";
import type { Participant } from "../file/commit-group.ts";
import type { Notifier } from "../file/notifier.ts";
import type { ReadyJobs } from "./lease.ts";
import type { Maintenance } from "./maintenance.ts";

/** The `lease` calls that wait. Their transactions also do the file's maintenance. */
export interface FileLeaseWaiters extends Participant {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Resolves every call to none. */
  dismiss(): void;
}

/** Sweeps are run this often; ended leases are looked for this often while jobs keep coming, and at every look while a call finds none. */
const SWEEP_MS = 250;

/** `schedule` asks for a transaction in this turn of the event loop. */
export function createFileLeaseWaiters(
  ready: ReadyJobs,
  maintenance: Maintenance,
  notifier: Notifier,
  schedule: () => void,
): FileLeaseWaiters {
  const waiters = createLeaseWaiters(() => {
    if (waiters.size === 0) notifier.stop();
  });
  let sweptAt = -Infinity;
  const isTimeToSweep = (): boolean => performance.now() - sweptAt >= SWEEP_MS;

  /** After a look: calls that look once get none, unless that look was cut; the others wait for the notifier. */
  function wait(nextAt: number | null, cut: ReadonlySet<LeaseWaiter>): void {
    for (const waiter of waiters) if (waiter.request.waitMs <= 0 && !cut.has(waiter)) waiter.resolve([]);
    if (waiters.size > 0) notifier.start(nextAt);
  }

  function serve(served: Map<LeaseWaiter, Lease[]>, cut: Set<LeaseWaiter>): void {
    for (const waiter of waiters) {
      if (served.has(waiter)) continue;
      const leases = ready.lease(waiter.request);
      if (leases.length > 0) served.set(waiter, leases);
      else if (ready.isCut) cut.add(waiter);
    }
  }

  return {
    lease(request) {
      const { leases } = waiters.wait(request);
      schedule();
      return leases;
    },
    needsTransaction() {
      if (waiters.size === 0) return false;
      if (maintenance.isDue() || (isTimeToSweep() && maintenance.isSweepDue())) return true;
      for (const { request } of waiters) if (ready.any(request)) return true;
      wait(maintenance.nextAt(), new Set());
      return false;
    },
    join() {
      if (waiters.size === 0) return () => undefined;
      const served = new Map<LeaseWaiter, Lease[]>();
      const cut = new Set<LeaseWaiter>();
      const more = maintenance.run();
      const at = performance.now();
      const isTime = isTimeToSweep();
      if (isTime) {
        maintenance.sweep();
        maintenance.endLeases();
      }
      serve(served, cut);
      if (!isTime && served.size < waiters.size && maintenance.endLeases()) serve(served, cut);
      const nextAt = served.size < waiters.size ? maintenance.nextAt() : null;
      return () => {
        if (isTime) sweptAt = at;
        maintenance.committed();
        for (const [waiter, leases] of served) waiter.resolve(leases);
        wait(nextAt, cut);
        if (more || cut.size > 0) schedule();
      };
    },
    failed: waiters.reject,
    dismiss: waiters.dismiss,
  };
}
