import { setTimeout as sleep } from "node:timers/promises";
import { toError } from "@waybill/core";
import {
  createLeaseWaiters,
  type Lease,
  type LeaseRequest,
  type LeaseWaiter,
  type Report,
} from "@waybill/core/backend";
import type { ReadyJobs } from "./lease.ts";
import type { Maintenance } from "./maintenance.ts";

/** The `lease` calls that wait. They also run the maintenance. */
export interface JobLeaseWaiters {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Looks for jobs of the queue: some may have become ready. */
  wake(queue: string): void;
  /** Looks for jobs of every queue: notifications were lost. */
  wakeAll(): void;
  /** Runs the maintenance. */
  maintain(): void;
  /** A delay ends in `inMs`. */
  expect(inMs: number): void;
  /** Resolves every call to none. Resolves once the jobs are released that their last looks leased. */
  dismiss(): Promise<void>;
}

interface Call extends LeaseRequest {
  /** Ends the pause before the next look; null while the call looks. */
  look: (() => void) | null;
  /** Whether a wake came while the call was looking. */
  again: boolean;
}

const WHAT = "end delays and leases, admit arrivals";
/** A waiting call looks at least this often: notifications may be lost, and an ended lease sends none. */
const LOOK_MS = 1_000;
/** While jobs keep coming, the maintenance runs this often. */
const MAINTENANCE_MS = 250;

/** A look that met another process at a key is repeated after this, at most so often in a row. */
const AGAIN_MS = 4;
const MAX_LOOKS = 200;

/** `pollMs` returns how often to look: Infinity while notifications arrive. */
export function createJobLeaseWaiters(
  ready: ReadyJobs,
  maintenance: Maintenance,
  pollMs: () => number,
  report: Report,
): JobLeaseWaiters {
  const waiters = createLeaseWaiters<Call>((call) => call.look?.());
  const serving = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | null = null;
  let firesAt = Infinity;

  /** A null queue stands for every queue. */
  function wake(queue: string | null): void {
    for (const { request: call } of waiters) {
      if (queue !== null && call.queue !== queue) continue;
      if (call.look === null) call.again = true;
      else call.look();
    }
  }

  /** Never rejects: jobs can be leased although, without a grant, the inbox cannot be read. */
  async function maintain(): Promise<void> {
    try {
      for (const queue of await maintenance.run()) wake(queue);
      report.succeeded(WHAT);
    } catch (thrown) {
      // With no call left, the backend is closing.
      if (waiters.size > 0) report.failed(WHAT, toError(thrown));
    } finally {
      arm();
    }
  }

  function arm(): void {
    if (waiters.size === 0) return;
    const at = performance.now();
    const pace = Math.min(pollMs(), LOOK_MS * (0.9 + Math.random() / 5));
    const fire = Math.max(Math.min(at + pace, maintenance.nextAt()), at);
    if (timer !== null && fire >= firesAt) return;
    if (timer !== null) clearTimeout(timer);
    firesAt = fire;
    // Rounded up, since timers may fire a fraction of a millisecond early.
    timer = setTimeout(tick, Math.ceil(fire - at));
  }

  function tick(): void {
    timer = null;
    if (waiters.size === 0) return;
    const at = performance.now();
    const isOverdue = at - maintenance.lastAt() >= Math.min(LOOK_MS / 2, 10 * pollMs());
    if (isOverdue || at >= maintenance.nextAt()) void maintain();
    for (const { request } of waiters) request.look?.();
    arm();
  }

  async function serve(waiter: LeaseWaiter<Call>): Promise<void> {
    const { request: call } = waiter;
    let looks = 0;
    for (let first = true; waiter.isWaiting; first = false) {
      call.again = false;
      const isOverdue = performance.now() - maintenance.lastAt() >= MAINTENANCE_MS;
      const maintained = isOverdue ? maintain() : null;
      const { leases, again } = await ready.lease(call);
      if (leases.length > 0) {
        if (waiter.resolve(leases)) return;
        await ready.release(leases);
        return wake(call.queue);
      }
      // The maintenance may make jobs ready.
      if (first) await (maintained ?? maintain());
      if (call.again) continue;
      if (again && looks < MAX_LOOKS) {
        looks += 1;
        await sleep(Math.random() * AGAIN_MS);
        continue;
      }
      looks = 0;
      const remainingMs = waiter.remainingMs();
      if (remainingMs <= 0) waiter.resolve([]);
      else await pause(call, remainingMs);
    }
  }

  function pause(call: Call, mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      call.look = () => {
        call.look = null;
        clearTimeout(end);
        resolve();
      };
      const end = setTimeout(call.look, Math.ceil(mostMs));
      arm();
    });
  }

  return {
    wake,
    wakeAll: () => wake(null),
    maintain: () => void maintain(),
    expect(inMs) {
      maintenance.expect(inMs);
      arm();
    },
    async dismiss() {
      waiters.dismiss();
      await Promise.all(serving);
    },
    lease(request) {
      const waiter = waiters.add({ ...request, look: null, again: false });
      const served = serve(waiter)
        // A job that could not be released becomes ready when its lease ends: the call has ended by then.
        .catch((thrown: unknown) => void waiter.reject(toError(thrown)))
        .finally(() => serving.delete(served));
      serving.add(served);
      return waiter.leases;
    },
  };
}
