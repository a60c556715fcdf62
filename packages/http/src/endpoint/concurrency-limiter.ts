/** Limits how many deliveries are processed at once, and lets others wait for a free slot in order of arrival. */
export class ConcurrencyLimiter {
  readonly limit: number;
  /** Slots in use. */
  active = 0;
  #waiting: { readonly resolve: (acquired: boolean) => void }[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  /** How many callers wait for a slot. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Returns true if every slot is in use and `maxWaiting` callers wait already. */
  isFull(maxWaiting: number): boolean {
    return this.active >= this.limit && this.#waiting.length >= maxWaiting;
  }

  /**
   * Resolves to true once the caller has a slot, which it must release. Returns false at once if the limiter is full;
   * resolves to false when `onCancel` calls its listener, or by `rejectWaiting`.
   */
  acquire(maxWaiting: number, onCancel: (listener: () => void) => void): boolean | Promise<boolean> {
    if (this.active < this.limit) {
      this.active += 1;
      return true;
    }
    if (this.isFull(maxWaiting)) return false;
    return new Promise((resolve) => {
      const entry = { resolve };
      this.#waiting.push(entry);
      onCancel(() => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        resolve(false);
      });
    });
  }

  /** Frees a slot. The first waiting caller gets it. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.active -= 1;
    else next.resolve(true);
  }

  /** Resolves every waiting `acquire` to false. */
  rejectWaiting(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
  }
}
