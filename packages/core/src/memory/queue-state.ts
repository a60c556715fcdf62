import { monotonicMs } from "../clock.ts";
import type { Lease, LeaseRequest } from "../backend.ts";
import type { Capabilities } from "../capabilities.ts";
import { createHeap } from "./heap.ts";
import { createLanes } from "./lanes.ts";
import { leaseOf, type Stored } from "./stored.ts";

/** What one queue holds: ready in lanes, waiting for its time in one heap, leased in another. Times are monotonic. */
export interface QueueState {
  /** Makes a message deliverable after `delayMs`. */
  place(stored: Stored, delayMs: number): void;
  take(request: LeaseRequest, owner: object): Lease[];
  /** Ends the delivery; the message is then nowhere until it is placed again or forgotten. */
  unlease(stored: Stored): void;
  /** Ends the delivery as one that nobody settled. */
  lose(stored: Stored): void;
  /** Moves the end of a running lease. */
  prolong(stored: Stored, until: number): void;
  /** When the next delay or lease ends by itself; `Infinity` if none does. */
  nextChange(): number;
  count(): { ready: number; delayed: number; leased: number; oldestWaitMs: number | null };
}

/** `leases` holds every running delivery of the store by its token. */
export function createQueueState(has: Capabilities, leases: Map<unknown, Stored>, nextToken: () => number): QueueState {
  const ready = createLanes(has.priorityLevels);
  const delayed = createHeap<Stored>();
  const leased = createHeap<Stored>();

  function makeReady(stored: Stored, since: number): void {
    stored.at = since;
    ready.push(stored);
  }

  function unlease(stored: Stored): void {
    leased.remove(stored);
    leases.delete(stored.token);
    stored.token = 0;
    stored.owner = null;
  }

  function lose(stored: Stored, at = monotonicMs()): void {
    unlease(stored);
    stored.lost += 1;
    makeReady(stored, at);
  }

  /** Applies what the clock has brought since the last look. */
  function advance(now: number): void {
    for (let next = delayed.peek(); next !== undefined && next.at <= now; next = delayed.peek()) {
      delayed.remove(next);
      makeReady(next, next.at);
    }
    for (let next = leased.peek(); next !== undefined && next.at <= now; next = leased.peek()) lose(next, next.at);
  }

  function give(stored: Stored, leaseMs: number, owner: object, now: number): Lease {
    stored.at = has.maxLeaseMs === 0 ? Infinity : now + leaseMs;
    stored.leasedAt = now;
    stored.owner = owner;
    stored.token = nextToken();
    leased.push(stored);
    leases.set(stored.token, stored);
    return leaseOf(stored, has, now);
  }

  return {
    place(stored, delayMs) {
      const now = monotonicMs();
      advance(now);
      stored.due = delayMs > 0 ? now + delayMs : null;
      if (stored.due === null) return makeReady(stored, now);
      stored.at = stored.due;
      delayed.push(stored);
    },
    take({ limit, leaseMs }, owner) {
      const now = monotonicMs();
      advance(now);
      const taken: Lease[] = [];
      while (taken.length < limit) {
        const stored = ready.shift();
        if (stored === null) break;
        taken.push(give(stored, leaseMs, owner, now));
      }
      return taken;
    },
    unlease,
    lose,
    prolong(stored, until) {
      leased.remove(stored);
      stored.at = until;
      leased.push(stored);
    },
    nextChange: () => Math.min(delayed.peek()?.at ?? Infinity, leased.peek()?.at ?? Infinity),
    count() {
      const now = monotonicMs();
      advance(now);
      const oldest = ready.oldest();
      const oldestWaitMs = oldest === null ? null : now - oldest;
      return { ready: ready.size(), delayed: delayed.size(), leased: leased.size(), oldestWaitMs };
    },
  };
}
