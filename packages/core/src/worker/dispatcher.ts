import type { Lease } from "../backend/contract.ts";
import { releaseRunning, type RunTracker } from "../execution/run-tracker.ts";
import type { Outcome } from "../job/outcome.ts";
import type { ConcurrencyLimiter } from "./concurrency-limiter.ts";
import type { FairScheduler } from "./fair-scheduler.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { JobRunner } from "./job-runner.ts";
import type { PoisonIsolation } from "./poison-isolation.ts";
import type { PrefetchPolicy } from "./prefetch-policy.ts";
import { besideIsolated, busy, stopping, typeFull } from "./release-outcomes.ts";

export interface DispatcherParts {
  readonly inFlight: InFlightJobs;
  readonly runs: Pick<RunTracker<InFlightJob>, "find">;
  readonly limiter: ConcurrencyLimiter;
  readonly scheduler: FairScheduler;
  readonly prefetch: PrefetchPolicy;
  readonly isolation: PoisonIsolation;
  readonly runner: JobRunner;
  /** Why a leased job is not to run: it was cancelled, or it is paused. Null when it is. */
  readonly refusal: (lease: Lease) => Outcome | null;
}

interface LeaseLoopWaiting {
  readonly queue: string;
  readonly resolve: (limit: number) => void;
}

const microtask = Promise.resolve();

/** A leased job waits this long for a slot. Then another worker may have it. */
const LEASED_TTL_MS = 1_000;

/**
 * Starts leased jobs, and decides how many more each lease loop leases. Every change of the in-flight state schedules one pass, in
 * the next microtask, however many changes there are until then: nothing here is called while it runs.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #waitingLoops: LeaseLoopWaiting[] = [];
  #isScheduled = false;
  /** Whether jobs have arrived since the last pass. */
  #hasArrivals = false;
  readonly #run = (): void => this.#pass();
  /** False for a job that a free slot does not help: its type is full, or it is isolated and not alone yet. */
  readonly #canStart = (job: InFlightJob): boolean =>
    !this.#parts.limiter.isTypeFull(job.lease.type) && !this.#parts.isolation.isBlocked(job);
  readonly #firstStartable = (queue: string): InFlightJob | null =>
    this.#parts.inFlight.firstLeased(queue, this.#canStart);

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    parts.inFlight.onChange(() => this.#schedule());
  }

  /** Adds new leases. After `release` they are released at once. */
  add(leases: readonly Lease[]): void {
    const { inFlight, scheduler, prefetch, isolation, runner, refusal } = this.#parts;
    for (const lease of leases) {
      scheduler.include(lease.queue);
      const job = inFlight.add(lease);
      const refused = prefetch.isReleased ? stopping : refusal(lease);
      if (refused !== null) runner.release(job, refused);
      else if (!isolation.admit(job)) runner.release(job, besideIsolated(lease));
    }
    this.#hasArrivals = true;
  }

  /** Resolves with how many jobs the loop of this queue is to lease next, from 1; with 0 once the worker stops. */
  nextLimit(queue: string): Promise<number> {
    if (this.#parts.prefetch.isReleased) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.#waitingLoops.push({ queue, resolve });
      this.#schedule();
    });
  }

  /** Releases a job that has not started: because its type is full, or because no slot became free. */
  releaseLeased(job: InFlightJob): void {
    const { limiter, runner } = this.#parts;
    runner.release(job, limiter.isTypeFull(job.lease.type) ? typeFull() : busy);
  }

  /** Releases the jobs that have waited for a slot for longer than a second. */
  releaseOverdue(): void {
    const { inFlight, prefetch } = this.#parts;
    const now = performance.now();
    const overdue = inFlight.allLeased((job) => now - job.arrivedAt > LEASED_TTL_MS);
    // Jobs that would not start in a free slot say nothing of how long the others take.
    if (overdue.some(this.#canStart)) prefetch.expire();
    for (const job of overdue) this.releaseLeased(job);
  }

  /** Starts no more jobs: releases those that have not started and those that arrive from now on, and ends the lease loops. */
  release(): void {
    const { inFlight, prefetch, runner } = this.#parts;
    prefetch.release();
    for (const job of inFlight.allLeased(() => true)) runner.release(job, stopping);
    for (const { resolve } of this.#waitingLoops.splice(0)) resolve(0);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Costs less than queueMicrotask.
    void microtask.then(this.#run);
  }

  #pass(): void {
    this.#isScheduled = false;
    this.#startJobs();
    if (this.#hasArrivals) this.#releaseSurplus();
    this.#hasArrivals = false;
    this.#resolveLimits();
  }

  #startJobs(): void {
    const { inFlight, limiter, scheduler, prefetch, runner } = this.#parts;
    while (inFlight.leased > 0 && limiter.hasFreeSlot && inFlight.settling < prefetch.maxSettling) {
      const job = scheduler.next(this.#firstStartable);
      if (job === null) return;
      const refusal = this.#refusalOf(job);
      if (refusal === null) runner.run(job);
      else runner.release(job, refusal);
    }
  }

  /** Why the job is not to run; null when it is. */
  #refusalOf({ hasExpired, lease }: InFlightJob): Outcome | null {
    // Whether a job whose lease has run out can still be released is for the backend to say.
    if (hasExpired) return busy;
    return this.#parts.runs.find(lease.id) === undefined ? null : releaseRunning(lease.releases);
  }

  /** Several queues may have returned a job each for one free slot. */
  #releaseSurplus(): void {
    const { inFlight, prefetch } = this.#parts;
    if (prefetch.ahead > 0) return;
    for (const job of inFlight.allLeased(this.#canStart)) this.releaseLeased(job);
  }

  #resolveLimits(): void {
    const { scheduler } = this.#parts;
    const waiting = this.#waitingLoops.splice(0);
    // The queue that starts a job soonest leases first.
    if (waiting.length > 1) waiting.sort((one, other) => scheduler.compare(one.queue, other.queue));
    for (const loop of waiting) {
      const limit = this.#limitOf(loop.queue);
      if (limit === 0) this.#waitingLoops.push(loop);
      else loop.resolve(limit);
    }
  }

  #limitOf(queue: string): number {
    const { inFlight, limiter, scheduler, prefetch } = this.#parts;
    if (inFlight.settling >= prefetch.maxSettling) return 0;
    // Jobs of a full type are released before long. Until then a queue is searched only so far for others.
    if (limiter.blockedIn(queue) >= Math.max(limiter.concurrency, prefetch.ahead)) return 0;
    const limit = prefetch.limit(limiter.freeSlots, inFlight.leased - limiter.blocked);
    return limit === 0 ? 0 : Math.ceil(limit * scheduler.shareOf(queue));
  }
}
