import type { InFlightJobs } from "./in-flight-jobs.ts";

/** How many jobs a worker runs at once. */
export interface ConcurrencySettings {
  /** The number of slots, from 1. */
  readonly concurrency: number;
  /** The most running jobs of one type, from 1. A type that is not named has no limit of its own. */
  readonly typeConcurrency: ReadonlyMap<string, number>;
  /** With 0, a job occupies its slot until its outcome is stored, for leasing. Otherwise until its outcome is decided. */
  readonly prefetch: number;
}

/** What the limiter reads of the in-flight state. */
export type InFlightCounts = Pick<InFlightJobs, "running" | "settling" | "runningOf" | "leasedOf">;

/** Knows the slots of one worker and the limits of its job types. Counts nothing itself: it reads the in-flight state. */
export class ConcurrencyLimiter {
  readonly concurrency: number;
  readonly #typeConcurrency: ReadonlyMap<string, number>;
  readonly #settlingOccupies: boolean;
  readonly #inFlight: InFlightCounts;

  constructor({ concurrency, typeConcurrency, prefetch }: ConcurrencySettings, inFlight: InFlightCounts) {
    this.concurrency = concurrency;
    this.#typeConcurrency = typeConcurrency;
    this.#settlingOccupies = prefetch === 0;
    this.#inFlight = inFlight;
  }

  /** Whether a leased job may start now. */
  get hasFreeSlot(): boolean {
    return this.#inFlight.running < this.concurrency;
  }

  /** How many slots there are to lease jobs for. */
  get freeSlots(): number {
    const { running, settling } = this.#inFlight;
    return this.concurrency - running - (this.#settlingOccupies ? settling : 0);
  }

  /** Whether as many jobs of the type run as its concurrency allows. */
  isTypeFull(type: string): boolean {
    const limit = this.#typeConcurrency.get(type);
    return limit !== undefined && this.#inFlight.runningOf(type) >= limit;
  }

  /** Leased jobs that could not start even if every slot were free, because of the limit of their type. */
  get blocked(): number {
    let blocked = 0;
    for (const [type, limit] of this.#typeConcurrency) blocked += this.#blockedOf(type, limit);
    return blocked;
  }

  /** The most of them that are in this queue. */
  blockedIn(queue: string): number {
    let blocked = 0;
    for (const [type, limit] of this.#typeConcurrency)
      blocked += Math.min(this.#blockedOf(type, limit), this.#inFlight.leasedOf(type, queue));
    return blocked;
  }

  #blockedOf(type: string, limit: number): number {
    const free = Math.max(0, limit - this.#inFlight.runningOf(type));
    return Math.max(0, this.#inFlight.leasedOf(type) - free);
  }
}
