import { createLeaseWaiters, type Lease, type LeaseRequest } from "@waybill/core/backend";
import { LONGEST_BLOCK_MS } from "../connection/client.ts";
import type { JobToken } from "../scripts/ack-jobs.ts";
import type { LeasedJobs } from "../scripts/lease-jobs.ts";
import type { Scripts } from "../scripts/scripts.ts";
import { leaseOf, tokenOf } from "./job-record.ts";
import type { LostJobs } from "./lost-jobs.ts";
import type { Notifier } from "./notifier.ts";

/** The `lease` calls of one queue: one fetch at a time for all of them, and none while the queue is empty. */
export interface LeaseQueue {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Acks jobs, and in the same step leases as many as the waiting calls ask for. Returns BullMQ's code of each ack. */
  ack(done: readonly JobToken[]): Promise<readonly (number | Error)[]>;
  /** Resolves every waiting call to none. Resolves itself when the fetch under way has ended. */
  close(): Promise<void>;
  /** Resolves when the jobs that are being released are back in the queue. */
  released(): Promise<void>;
}

export interface LeaseQueueParts {
  readonly queue: string;
  readonly scripts: Scripts;
  readonly notifier: Notifier;
  readonly lostJobs: LostJobs;
  /** Returns a lock value that no other call uses. */
  readonly nextToken: () => string;
}

/** Jobs that Redis was asked for and has not sent yet. */
interface Expected {
  readonly count: number;
  readonly leaseMs: number;
}

/** Redis does nothing else during a fetch. */
const MOST_AT_ONCE = 100;
/** A job that arrives while no call waits stays this long for the next call, and is then released. */
const UNASSIGNED_MS = 25;

export function createLeaseQueue({ queue, scripts, notifier, lostJobs, nextToken }: LeaseQueueParts): LeaseQueue {
  const base = scripts.base(queue);
  const waiters = createLeaseWaiters();
  const releasing = new Set<Promise<unknown>>();
  /** Jobs that have arrived and are given to no call yet, all of one lease length. */
  let unassigned: { readonly leases: Lease[]; readonly leaseMs: number } = { leases: [], leaseMs: 0 };
  let releaseTimer: NodeJS.Timeout | null = null;
  let expectedCount = 0;
  let nextDueAt = 0;
  let scheduled = false;
  let fetching: Promise<void> | null = null;
  /** The last fetch returned fewer jobs than it asked for; the notifier says when to look again. */
  let isEmpty = false;
  let isListening = false;
  let isClosed = false;

  const missing = (): number => waiters.wanted() - expectedCount - unassigned.leases.length;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // Two turns of the event loop, so that the acks of jobs which end at once come first: they lease the next ones.
    setImmediate(() => setImmediate(look));
  }

  function look(): void {
    scheduled = false;
    assign();
    if (fetching !== null || isClosed || waiters.size === 0) return;
    if (isEmpty) void listen();
    else if (missing() > 0) fetching = fetch().finally(() => (fetching = null));
  }

  async function fetch(): Promise<void> {
    const present = [...waiters];
    const expected = expect(Math.min(missing(), MOST_AT_ONCE));
    let found: Lease[];
    try {
      found = await leaseJobs(expected);
    } catch (thrown) {
      expectedCount -= expected.count;
      for (const waiter of present) waiter.reject(thrown);
      return;
    }
    isEmpty = found.length < expected.count;
    arrived(found, expected);
    if (isEmpty) for (const waiter of present) if (waiter.request.waitMs <= 0) waiter.resolve([]);
    if (waiters.size > 0) queueMicrotask(schedule);
  }

  /** Leases are as long as the longest-waiting call asks for. */
  function expect(count: number): Expected {
    const [first] = waiters;
    expectedCount += count;
    return { count, leaseMs: first?.request.leaseMs ?? 0 };
  }

  /** Rejects only if no job was leased. */
  async function leaseJobs({ count, leaseMs }: Expected): Promise<Lease[]> {
    const looked = lostJobs.check(leaseMs);
    const token = nextToken();
    const expiresAt = Date.now() + leaseMs;
    nextDueAt = 0;
    const leased = await scripts.leaseJobs(base, { leaseMs: Math.ceil(leaseMs), token, count });
    await looked;
    if (leased.jobs.length === 0 && leased.error !== null) throw leased.error;
    return leasesOf(leased, token, expiresAt);
  }

  function leasesOf(leased: LeasedJobs, token: string, expiresAt: number): Lease[] {
    if (leased.nextDueAt > 0) nextDueAt = leased.nextDueAt;
    return leased.jobs.map((job) => leaseOf(job, queue, token, expiresAt));
  }

  function arrived(leases: readonly Lease[], { count, leaseMs }: Expected): void {
    expectedCount -= count;
    if (leaseMs !== unassigned.leaseMs) {
      release();
      unassigned = { leases: [], leaseMs };
    }
    unassigned.leases.push(...leases);
    assign();
    if (waiters.size > 0) schedule();
  }

  /** Resolves the calls that asked for leases of that length, in their order. */
  function assign(): void {
    const { leases, leaseMs } = unassigned;
    for (const waiter of waiters) {
      if (leases.length === 0) break;
      if (waiter.request.leaseMs === leaseMs) waiter.resolve(leases.splice(0, waiter.request.limit));
    }
    if (leases.length === 0) return;
    if (isClosed) release();
    else releaseTimer ??= setTimeout(releaseUnassigned, UNASSIGNED_MS);
  }

  /** The calls that wait ask for leases of another length, and these were counted as theirs. */
  function releaseUnassigned(): void {
    release();
    if (waiters.size > 0) schedule();
  }

  /** The jobs return to the front of the queue, and count no release. */
  function release(): void {
    if (releaseTimer !== null) clearTimeout(releaseTimer);
    releaseTimer = null;
    for (const lease of unassigned.leases.splice(0)) {
      // If it fails, the job returns to the queue when its lock ends.
      const released = scripts
        .of(queue)
        .moveJobFromActiveToWait(lease.id, tokenOf(lease).lock)
        .catch(() => undefined)
        .finally(() => releasing.delete(released));
      releasing.add(released);
    }
  }

  async function listen(): Promise<void> {
    if (isListening) return;
    isListening = true;
    const untilDueMs = nextDueAt > 0 ? nextDueAt - Date.now() : LONGEST_BLOCK_MS;
    const notified = await notifier.next(Math.min(lostJobs.untilNextMs(), untilDueMs));
    isListening = false;
    isEmpty = false;
    if (waiters.size > 0) schedule();
    else if (notified) notifier.passOn();
  }

  return {
    lease(request) {
      if (isClosed) return Promise.resolve([]);
      const waiter = waiters.wait(request);
      if (request.waitMs <= 0) isEmpty = false;
      assign();
      if (waiter.isWaiting) schedule();
      return waiter.leases;
    },
    async ack(done) {
      const expected = expect(isEmpty || isClosed ? 0 : Math.max(0, Math.min(done.length, missing())));
      const token = nextToken();
      const expiresAt = Date.now() + expected.leaseMs;
      let leases: Lease[] = [];
      try {
        const terms = { token, count: expected.count, leaseMs: Math.ceil(expected.leaseMs) };
        const acked = await scripts.ackJobs(base, done, terms);
        leases = leasesOf(acked, token, expiresAt);
        return acked.codes;
      } finally {
        if (expected.count > 0) arrived(leases, expected);
      }
    },
    async close() {
      isClosed = true;
      waiters.dismiss();
      release();
      await fetching;
    },
    async released() {
      await Promise.all(releasing);
    },
  };
}
