import type { Lease, LeaseRequest } from "@waybill/core/backend";
import type { Claim } from "./claim.ts";
import type { Guest } from "./commit-group.ts";
import type { Upkeep } from "./upkeep.ts";
import type { Wake } from "./wake.ts";

/** The lease calls that are not answered yet. Whoever waits also keeps the file's time: see `Upkeep`. */
export interface Waiting extends Guest {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Answers with nothing to those whose wait is over. */
  expire(): void;
  /** Answers with nothing to all. */
  dismiss(): void;
}

interface Waiter {
  readonly request: LeaseRequest;
  /** On the monotonic clock. Whoever looks once has all the time a look needs. */
  readonly until: number;
  readonly resolve: (leases: Lease[]) => void;
  readonly reject: (error: unknown) => void;
}

/** While jobs keep coming, expired leases are looked for this often; with nothing else to lease, at every look. */
const TAKE_OVER_MS = 250;

export function createWaiting(claim: Claim, upkeep: Upkeep, wake: Wake, nudge: () => void): Waiting {
  const waiters = new Set<Waiter>();
  let lastTakeOver = -Infinity;

  function leave(waiter: Waiter): void {
    waiters.delete(waiter);
    if (waiters.size === 0) wake.stop();
  }

  function expire(): void {
    const at = performance.now();
    for (const waiter of waiters) {
      if (waiter.until > at) continue;
      leave(waiter);
      waiter.resolve([]);
    }
  }

  /** After a look: those who look once get nothing, the others wait for the next event. */
  function waitOn(nextAt: number | null): void {
    for (const waiter of waiters) {
      if (waiter.request.waitMs > 0) continue;
      leave(waiter);
      waiter.resolve([]);
    }
    expire();
    startWake(nextAt);
  }

  function startWake(nextAt: number | null): void {
    if (waiters.size === 0) return;
    let until = Infinity;
    for (const waiter of waiters) until = Math.min(until, waiter.until);
    wake.start(nextAt, until);
  }

  function serve(served: Map<Waiter, Lease[]>): void {
    for (const waiter of waiters) {
      if (served.has(waiter)) continue;
      const leases = claim.take(waiter.request);
      if (leases.length > 0) served.set(waiter, leases);
    }
  }

  return {
    expire,
    lease(request) {
      if (request.signal.aborted) return Promise.resolve([]);
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          leave(waiter);
          resolve([]);
        };
        const done = (): void => request.signal.removeEventListener("abort", abort);
        const waiter: Waiter = {
          request,
          until: request.waitMs > 0 ? performance.now() + request.waitMs : Infinity,
          resolve: (leases) => {
            done();
            resolve(leases);
          },
          reject: (error) => {
            done();
            reject(error);
          },
        };
        request.signal.addEventListener("abort", abort, { once: true });
        waiters.add(waiter);
        nudge();
      });
    },
    wants() {
      if (waiters.size === 0) return false;
      const { now, nextAt } = upkeep.ahead();
      if (now) return true;
      for (const { request } of waiters) if (claim.any(request.queue)) return true;
      waitOn(nextAt);
      return false;
    },
    attend() {
      if (waiters.size === 0) return () => undefined;
      const served = new Map<Waiter, Lease[]>();
      const more = upkeep.tend();
      const at = performance.now();
      const takesOver = at - lastTakeOver >= TAKE_OVER_MS;
      if (takesOver) upkeep.takeOver();
      serve(served);
      if (!takesOver && served.size < waiters.size && upkeep.takeOver()) serve(served);
      const { nextAt } = served.size < waiters.size ? upkeep.ahead() : { nextAt: null };
      return () => {
        if (takesOver) lastTakeOver = at;
        upkeep.tended();
        for (const [waiter, leases] of served) {
          leave(waiter);
          waiter.resolve(leases);
        }
        waitOn(nextAt);
        if (more) nudge();
      };
    },
    blocked() {
      startWake(null);
    },
    failed(error) {
      for (const waiter of waiters) {
        leave(waiter);
        waiter.reject(error);
      }
    },
    dismiss() {
      for (const waiter of waiters) {
        leave(waiter);
        waiter.resolve([]);
      }
    },
  };
}
