import type { RunHandle } from "../job/run-handle.ts";
import { type Outcome, release } from "../job/outcome.ts";
import type { WaybillError } from "../errors.ts";

/** One run as its tracker knows it. A worker and a receiver each add what they need beside it. */
export interface TrackedRun {
  /** The job's. Null for a body that is no envelope: no other delivery can be matched to the same job. */
  readonly id: string | null;
  readonly handle: RunHandle;
}

/**
 * The runs of one worker or one receiver. A run is known from its start until its handler has ended. Its outcome may be
 * decided earlier, when the handler does not respond to its abort; until it has ended, the same job must not start again in
 * this process.
 */
export class RunTracker<Run extends TrackedRun> {
  readonly #byId = new Map<string, Run>();
  readonly #withoutId = new Set<Run>();
  readonly #waiting = new Set<() => void>();
  #undecided = 0;

  /** Runs whose handler has not ended. */
  get size(): number {
    return this.#byId.size + this.#withoutId.size;
  }

  /** Runs whose work has not settled. */
  get undecided(): number {
    return this.#undecided;
  }

  /** Returns the run of this job whose handler has not ended, or undefined. */
  find(id: string): Run | undefined {
    return this.#byId.get(id);
  }

  /**
   * Calls `work` at once and returns its promise. The run is undecided until that settles, and known until the handler has
   * ended as well. Call `find` first: a second run of one id would replace the first.
   */
  track<T>(run: Run, work: () => Promise<T>): Promise<T> {
    this.started(run);
    const working = work();
    const decided = (): void => this.decided(run);
    working.then(decided, decided);
    return working;
  }

  /** Adds a run, undecided. `decided` must follow. For callers that run many jobs and save the promise of `track`. */
  started(run: Run): void {
    this.#undecided += 1;
    if (run.id === null) this.#withoutId.add(run);
    else this.#byId.set(run.id, run);
  }

  /** The outcome of the run is decided. It stays known until its handler has ended. */
  decided(run: Run): void {
    this.#undecided -= 1;
    if (run.handle.ended) return this.#forget(run);
    run.handle.whenEnded(() => this.#forget(run));
    this.#notify();
  }

  #forget(run: Run): void {
    if (run.id === null) this.#withoutId.delete(run);
    else if (this.#byId.get(run.id) === run) this.#byId.delete(run.id);
    this.#notify();
  }

  /** Aborts every run. A handler that has not ended after `graceMs` is waited for no longer. */
  cancel(reason: WaybillError, graceMs: number): void {
    for (const { handle } of [...this.#byId.values(), ...this.#withoutId]) handle.cancel(reason, graceMs);
  }

  /** Resolves when the work of each run has settled, after `limitMs`, or when `forced` resolves. */
  whenDecided(limitMs: number, forced?: Promise<void>): Promise<void> {
    return this.#when(() => this.#undecided === 0, limitMs, forced);
  }

  /** Resolves when no run is left, after `limitMs`, or when `forced` resolves. */
  whenEnded(limitMs: number, forced?: Promise<void>): Promise<void> {
    return this.#when(() => this.size === 0, limitMs, forced);
  }

  #when(test: () => boolean, limitMs: number, forced?: Promise<void>): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (test()) end();
      };
      const timer = setTimeout(end, limitMs);
      this.#waiting.add(look);
      void forced?.then(end);
    });
  }

  #notify(): void {
    for (const look of this.#waiting) look();
  }
}

/**
 * Releases a delivery of a job that still runs in this process. It waits 1 s, doubling to 1 min with each release: a handler
 * that does not respond to its abort may never end. Never throws.
 */
export function releaseRunning(releases: number): Outcome {
  return release(backOffMs(releases), "RUNNING_HERE", "an earlier delivery of the job still runs in this process");
}

/** Returns how long to wait before the next release, in milliseconds: 1 s, doubling with each release to 1 min. Never throws. */
export function backOffMs(releases: number): number {
  return Math.min(1_000 * 2 ** Math.min(releases, 6), 60_000);
}
