import type { Held } from "./held.ts";

/**
 * A job that has often lost its worker may be what kills it, and those that ran beside it were counted as lost with it.
 * From half the losses that bury a job on, a worker has one such suspect at a time: the others go back before it
 * starts, so that what kills workers is buried alone.
 */
export class Suspects {
  readonly #from: number;
  #one: Held | null = null;
  /** Others that have come, and are to go. */
  #beside = 0;
  /** Others on their way back. */
  #leaving = 0;

  /** `maxLost`: losses that bury a job, from 1. */
  constructor(maxLost: number) {
    this.#from = Math.ceil(maxLost / 2);
  }

  add(held: Held): void {
    if (held.lease.lost < this.#from) return;
    if (this.#one === null) this.#one = held;
    else this.#beside += 1;
  }

  /** Takes the others out by `takeWaiting`; each `hasLeft` or the one never starts. */
  takeBeside(takeWaiting: (test: (held: Held) => boolean) => Held[]): Held[] {
    if (this.#beside === 0) return [];
    this.#beside = 0;
    const taken = takeWaiting((held) => held !== this.#one && held.lease.lost >= this.#from);
    this.#leaving += taken.length;
    return taken;
  }

  hasLeft(): void {
    this.#leaving -= 1;
  }

  /** Whether it is the one, and waits for the others to be gone. */
  isHeldUp(held: Held): boolean {
    return this.#leaving > 0 && this.#one === held;
  }

  forget(held: Held): void {
    if (this.#one === held) this.#one = null;
  }
}
