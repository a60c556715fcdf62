import { monotonicMs } from "../time/clock.ts";
import type { Lease, LeaseRequest } from "../backend/contract.ts";
import type { Capabilities } from "../backend/capabilities.ts";
import type { JobState } from "../backend/job-control.ts";
import { type JobTrace, MOST_AHEAD, MOST_SLOTS } from "../backend/job-trace.ts";
import { createHeap } from "./heap.ts";
import { createLanes } from "./lanes.ts";
import type { Home, LimitKeys, Line } from "./limit-keys.ts";
import { leaseOf, type Stored } from "./stored.ts";
import type { UniqueKeys } from "./unique-keys.ts";

/**
 * The messages of one queue: ready ones in lanes, delayed ones in a heap, leased ones in another, and in lines those whose
 * concurrency key is full. Times are monotonic.
 */
export interface QueueState {
  /** Makes a message ready after `delayMs`; 0 is at once. */
  place(stored: Stored, delayMs: number): void;
  /** Leases up to `request.limit` ready messages for one connection. */
  lease(request: LeaseRequest, owner: object): Lease[];
  /** Ends a lease. The message is then in no list, until it is placed again. */
  unlease(stored: Stored): void;
  /** The state of a message that is not dead. */
  stateOf(stored: Stored): JobState;
  /** What keeps a message that is not dead from being leased now. */
  trace(stored: Stored): Extract<JobTrace, { place: "queue" }>;
  /** Ends a lease that was not settled: the message is ready again, and counts one more lost delivery. */
  lose(stored: Stored): void;
  /** Makes a lease end at `until`. */
  prolong(stored: Stored, until: number): void;
  /** Removes a message that is ready, delayed or waits for a key, and lets the next of its keys start. It is then in no list. */
  remove(stored: Stored): void;
  /** Ends the delays and leases whose time has passed. */
  advance(): void;
  /** Returns when the next delay or lease ends; `Infinity` for none. */
  nextChange(): number;
  /** Returns when the next lease ends; `Infinity` for none. */
  nextEnd(): number;
  /** Whether messages wait for a concurrency key. */
  hasLines(): boolean;
  /** Those that wait for a concurrency key count as ready. */
  count(): { ready: number; delayed: number; leased: number; oldestWaitMs: number | null };
}

/** What the queues of one store share. */
export interface SharedState {
  readonly has: Capabilities;
  /** Every leased message by its token. */
  readonly leases: Map<unknown, Stored>;
  readonly limitKeys: LimitKeys;
  readonly uniqueKeys: UniqueKeys;
  nextToken(): number;
}

export function createQueueState({ has, leases, limitKeys, uniqueKeys, nextToken }: SharedState): QueueState & Home {
  const ready = createLanes(has.priorityLevels);
  const lines = new Set<Line>();
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
    if (stored.message.limitKeys !== undefined) limitKeys.ended(stored);
  }

  function lose(stored: Stored, at = monotonicMs()): void {
    unlease(stored);
    stored.lost += 1;
    makeReady(stored, at);
  }

  /** Ends the delays and leases whose time has passed. */
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
    stored.isUntouched = false;
    if (stored.message.unique !== undefined) uniqueKeys.started(stored);
    leased.push(stored);
    leases.set(stored.token, stored);
    if (stored.message.limitKeys !== undefined) limitKeys.leased(stored);
    return leaseOf(stored, has, now);
  }

  function take(
    { limit, leaseMs, concurrency = {}, queueConcurrency, excludeTypes }: LeaseRequest,
    owner: object,
  ): Lease[] {
    const now = monotonicMs();
    advance(now);
    limitKeys.raised(concurrency);
    const most = Math.min(limit, (queueConcurrency ?? Infinity) - leased.size());
    const excluded = new Set(excludeTypes);
    const skipped = new Set<Stored>();
    const isAllowed = (stored: Stored): boolean => {
      if (!excluded.has(stored.message.type)) return true;
      if (stored.message.limitKeys !== undefined) skipped.add(stored);
      return false;
    };
    const found: Lease[] = [];
    let passedOn = 0;
    while (found.length < most) {
      const stored = ready.shift(excluded.size === 0 ? undefined : isAllowed);
      if (stored === null) {
        if (skipped.size === passedOn) break;
        // What is skipped may have been woken for a key: others of it may start instead.
        const fresh = [...skipped].slice(passedOn);
        passedOn = skipped.size;
        for (const one of fresh) limitKeys.passOn(one, concurrency, home);
        continue;
      }
      const isFull = stored.message.limitKeys !== undefined && limitKeys.setAside(stored, concurrency, home);
      if (!isFull) found.push(give(stored, leaseMs, owner, now));
    }
    return found;
  }

  const home: QueueState & Home = {
    lines,
    wake: (stored) => ready.insert(stored),
    place(stored, delayMs) {
      const now = monotonicMs();
      advance(now);
      stored.due = delayMs > 0 ? now + delayMs : null;
      if (stored.due === null) return makeReady(stored, now);
      stored.at = stored.due;
      delayed.push(stored);
    },
    lease: take,
    unlease,
    stateOf(stored) {
      advance(monotonicMs());
      if (stored.token !== 0) return "leased";
      if (stored.slot === -1) return "ready";
      return limitKeys.isWaiting(stored) ? "waiting" : "delayed";
    },
    trace(stored) {
      const state = home.stateOf(stored);
      const before = state === "ready" ? ready.before(stored, MOST_AHEAD) : null;
      const full = state === "waiting" ? limitKeys.fullKeyOf(stored, MOST_SLOTS) : null;
      return { place: "queue", ahead: before?.all ?? null, higher: before?.higher ?? null, full };
    },
    lose,
    prolong(stored, until) {
      leased.remove(stored);
      stored.at = until;
      leased.push(stored);
    },
    remove(stored) {
      if (limitKeys.isWaiting(stored)) return limitKeys.remove(stored, home);
      if (stored.slot !== -1) return delayed.remove(stored);
      ready.remove(stored);
      if (stored.message.limitKeys !== undefined) limitKeys.passOn(stored, undefined, home);
    },
    advance: () => advance(monotonicMs()),
    hasLines: () => lines.size > 0,
    nextEnd: () => leased.peek()?.at ?? Infinity,
    nextChange: () => Math.min(delayed.peek()?.at ?? Infinity, leased.peek()?.at ?? Infinity),
    count() {
      const now = monotonicMs();
      advance(now);
      const waiting = [...lines].flatMap((line) => line.items());
      const oldest = waiting.reduce((at, stored) => Math.min(at, stored.at), ready.oldest() ?? Infinity);
      const oldestWaitMs = oldest === Infinity ? null : now - oldest;
      return { ready: ready.size() + waiting.length, delayed: delayed.size(), leased: leased.size(), oldestWaitMs };
    },
  };
  return home;
}
