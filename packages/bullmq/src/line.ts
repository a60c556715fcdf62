import type { Lease, LeaseRequest } from "@waybill/core";
import type { Claim } from "./claim.ts";
import type { Wake } from "./wake.ts";

/** The waiting `lease` calls of one queue: one fetch at a time for all of them, and none while nothing is there. */
export interface Line {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** How many jobs may be taken along with `acks` acks, and for how long; `arrived` must follow. */
  reserve(acks: number): { readonly count: number; readonly leaseMs: number };
  /** What came along; `reserved` of them were announced. */
  arrived(leases: readonly Lease[], reserved: number): void;
  /** Answers every waiting call with nothing. Resolves once what is under way has come and gone back. */
  close(): Promise<void>;
}

interface Waiter {
  readonly request: LeaseRequest;
  readonly timer: NodeJS.Timeout | null;
  readonly abort: () => void;
  readonly resolve: (leases: Lease[]) => void;
  readonly reject: (error: unknown) => void;
}

/** At most this many commands in one fetch. */
const MOST_AT_ONCE = 250;

export function createLine(claim: Claim, wake: Wake): Line {
  const waiters = new Set<Waiter>();
  let scheduled = false;
  let fetching: Promise<void> | null = null;
  /** Jobs on their way to those who wait. */
  let announced = 0;
  /** How many a fetch asks for: what it found last time, twice if it found all. */
  let burst = 1;
  /** The last look found less than it asked for; `wake` says when to look again. */
  let empty = false;
  let listening = false;
  let closed = false;

  function wanted(): number {
    let sum = -announced;
    for (const { request } of waiters) sum += request.limit;
    return sum;
  }

  function leave(waiter: Waiter): void {
    waiters.delete(waiter);
    if (waiter.timer !== null) clearTimeout(waiter.timer);
    waiter.request.signal.removeEventListener("abort", waiter.abort);
  }

  function dismiss(waiter: Waiter): void {
    leave(waiter);
    waiter.resolve([]);
  }

  function nudge(): void {
    if (scheduled) return;
    scheduled = true;
    // Acks of this turn come first, and bring along what they can.
    setImmediate(() => {
      scheduled = false;
      if (fetching !== null || closed || waiters.size === 0) return;
      if (empty) void listen();
      else if (wanted() > 0) fetching = fetch().finally(() => (fetching = null));
    });
  }

  async function fetch(): Promise<void> {
    const present = [...waiters];
    const leaseMs = present[0]?.request.leaseMs ?? 0;
    const count = Math.min(wanted(), burst, MOST_AT_ONCE);
    announced += count;
    let found: Lease[];
    try {
      found = await claim.take(count, leaseMs);
    } catch (thrown) {
      announced -= count;
      for (const waiter of present) {
        if (!waiters.has(waiter)) continue;
        leave(waiter);
        waiter.reject(thrown);
      }
      return;
    }
    empty = found.length < count;
    burst = empty ? Math.max(found.length, 1) : Math.min(burst * 2, MOST_AT_ONCE);
    arrived(found, count);
    if (empty) for (const waiter of present) if (waiter.request.waitMs <= 0 && waiters.has(waiter)) dismiss(waiter);
    if (waiters.size > 0) queueMicrotask(nudge);
  }

  function arrived(leases: readonly Lease[], reserved: number): void {
    announced -= reserved;
    let at = 0;
    for (const waiter of waiters) {
      if (at >= leases.length) break;
      const some = leases.slice(at, at + waiter.request.limit);
      at += some.length;
      leave(waiter);
      waiter.resolve(some);
    }
    if (at < leases.length) claim.putBack(leases.slice(at));
    if (waiters.size > 0) nudge();
  }

  async function listen(): Promise<void> {
    if (listening) return;
    listening = true;
    const announcedOne = await wake.next(claim.untilNextMs());
    listening = false;
    empty = false;
    if (waiters.size > 0) nudge();
    else if (announcedOne) wake.passOn();
  }

  return {
    lease(request) {
      if (request.signal.aborted || closed) return Promise.resolve([]);
      return new Promise((resolve, reject) => {
        const abort = (): void => dismiss(waiter);
        const timer = request.waitMs > 0 ? setTimeout(abort, request.waitMs) : null;
        const waiter: Waiter = { request, timer, abort, resolve, reject };
        request.signal.addEventListener("abort", abort, { once: true });
        waiters.add(waiter);
        if (request.waitMs <= 0) empty = false;
        nudge();
      });
    },
    reserve(acks) {
      const [first] = waiters;
      const count = empty || closed || first === undefined ? 0 : Math.max(0, Math.min(acks, wanted()));
      announced += count;
      return { count, leaseMs: first?.request.leaseMs ?? 0 };
    },
    arrived,
    async close() {
      closed = true;
      for (const waiter of waiters) dismiss(waiter);
      await fetching;
    },
  };
}
