/**
 * The requests taken lately, so that none is taken twice. Two generations, each as long as a request stays fresh: what
 * is forgotten would be refused as stale. `remember` answers false for one that is known.
 */
export class ReplayWindow {
  readonly #spanMs: number;
  readonly #now: () => number;
  #young = new Set<string>();
  #old = new Set<string>();
  #turnedAt: number;

  constructor(spanMs: number, now: () => number) {
    this.#spanMs = spanMs;
    this.#now = now;
    this.#turnedAt = now();
  }

  has(once: string): boolean {
    this.#turn();
    return this.#young.has(once) || this.#old.has(once);
  }

  remember(once: string): boolean {
    if (this.has(once)) return false;
    this.#young.add(once);
    return true;
  }

  forget(once: string): void {
    this.#young.delete(once);
    this.#old.delete(once);
  }

  #turn(): void {
    const now = this.#now();
    if (now - this.#turnedAt < this.#spanMs) return;
    this.#old = now - this.#turnedAt < 2 * this.#spanMs ? this.#young : new Set();
    this.#young = new Set();
    this.#turnedAt = now;
  }
}
