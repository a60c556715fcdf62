import type { Lease, LeaseRequest } from "@waybill/core/backend";
import type { Claim } from "./claim.ts";
import type { Wake } from "./wake.ts";

/** The waiting `lease` calls of one queue: one fetch at a time for all of them, and none while nothing is there. */
export interface Line {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** How many jobs may be taken along with `acks` acks, and for how long; `arrived` must follow. */
  reserve(acks: number): Reserved;
  /** What came along; none if the acks failed. */
  arrived(leases: readonly Lease[], reserved: Reserved): void;
  /** Answers every waiting call with nothing. Resolves once what is under way has come and gone back. */
  close(): Promise<void>;
}

/** Jobs announced to those who wait. */
export interface Reserved {
  readonly count: number;
  readonly leaseMs: number;
}

interface Waiter {
  readonly request: LeaseRequest;
  readonly timer: NodeJS.Timeout | null;
  readonly abort: () => void;
  readonly resolve: (leases: Lease[]) => void;
  readonly reject: (error: unknown) => void;
}

/** At most this many jobs in one fetch: Redis does nothing else meanwhile. */
const MOST_AT_ONCE = 100;
/** A job that came when nobody waited stays this long for the next call, then goes back. */
const HOLD_MS = 25;

export function createLine(claim: Claim, wake: Wake): Line {
  const waiters = new Set<Waiter>();
  /** Jobs that have come and are not given out yet, by the length of their lease. */
  let held: { leases: Lease[]; leaseMs: number } = { leases: [], leaseMs: 0 };
  let holdTimer: NodeJS.Timeout | null = null;
  let scheduled = false;
  let fetching: Promise<void> | null = null;
  /** Jobs on their way to those who wait. */
  let announced = 0;
  /** The last look found less than it asked for; `wake` says when to look again. */
  let empty = false;
  let listening = false;
  let closed = false;

  function wanted(): number {
    let sum = -announced - held.leases.length;
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
    // Two turns, so that the acks of jobs which end at once come first: they bring the next ones along.
    setImmediate(() => setImmediate(turn));
  }

  function turn(): void {
    scheduled = false;
    deal();
    if (fetching !== null || closed || waiters.size === 0) return;
    if (empty) void listen();
    else if (wanted() > 0) fetching = fetch().finally(() => (fetching = null));
  }

  async function fetch(): Promise<void> {
    const present = [...waiters];
    const reserved = { count: Math.min(wanted(), MOST_AT_ONCE), leaseMs: present[0]?.request.leaseMs ?? 0 };
    announced += reserved.count;
    let found: Lease[];
    try {
      found = await claim.take(reserved.count, reserved.leaseMs);
    } catch (thrown) {
      announced -= reserved.count;
      for (const waiter of present) {
        if (!waiters.has(waiter)) continue;
        leave(waiter);
        waiter.reject(thrown);
      }
      return;
    }
    empty = found.length < reserved.count;
    arrived(found, reserved);
    if (empty) for (const waiter of present) if (waiter.request.waitMs <= 0 && waiters.has(waiter)) dismiss(waiter);
    if (waiters.size > 0) queueMicrotask(nudge);
  }

  function arrived(leases: readonly Lease[], { count, leaseMs }: Reserved): void {
    announced -= count;
    if (leaseMs !== held.leaseMs) {
      putBack();
      held = { leases: [], leaseMs };
    }
    held.leases.push(...leases);
    deal();
    if (waiters.size > 0) nudge();
  }

  /** Gives out what has come, to those who asked for leases of that length, in the order in which they asked. */
  function deal(): void {
    for (const waiter of waiters) {
      if (held.leases.length === 0) break;
      if (waiter.request.leaseMs !== held.leaseMs) continue;
      leave(waiter);
      waiter.resolve(held.leases.splice(0, waiter.request.limit));
    }
    if (held.leases.length === 0) return;
    if (closed) putBack();
    else holdTimer ??= setTimeout(unclaimed, HOLD_MS);
  }

  /** Who still waits wants leases of another length, and these counted as theirs. */
  function unclaimed(): void {
    putBack();
    if (waiters.size > 0) nudge();
  }

  function putBack(): void {
    if (holdTimer !== null) clearTimeout(holdTimer);
    holdTimer = null;
    claim.putBack(held.leases.splice(0));
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
        deal();
        if (waiters.has(waiter)) nudge();
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
      putBack();
      await fetching;
    },
  };
}
