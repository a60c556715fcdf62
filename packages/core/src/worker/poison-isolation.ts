import type { InFlightJob } from "./in-flight-job.ts";

/**
 * Isolates jobs that keep losing their worker. Such a job may be what kills the worker, and each job that ran beside it was
 * counted as lost with it. From half of `maxLost` losses on, a worker has one such job at a time and releases the others
 * before it starts, so that a job which kills workers is dead-lettered alone.
 */
export class PoisonIsolation {
  readonly #minLost: number;
  #isolated: InFlightJob | null = null;
  /** The others, until their release is stored. */
  #released: InFlightJob[] = [];

  /** `maxLost`: losses at which a job is dead-lettered, from 1. */
  constructor(maxLost: number) {
    this.#minLost = Math.ceil(maxLost / 2);
  }

  /** Returns true for a job that may wait for a slot. Returns false for one that must be released, because another is isolated. */
  admit(job: InFlightJob): boolean {
    if (job.lease.lost < this.#minLost) return true;
    if (this.#isolated === null || this.#isolated.state === "settled") {
      this.#isolated = job;
      return true;
    }
    this.#released.push(job);
    return false;
  }

  /** Whether the job is isolated and must not start yet: the release of another is not stored. */
  isBlocked(job: InFlightJob): boolean {
    if (this.#released.length === 0 || job !== this.#isolated) return false;
    this.#released = this.#released.filter(({ state }) => state !== "settled");
    return this.#released.length > 0;
  }
}
