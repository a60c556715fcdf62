/** One request among all that a carrier lets in. */
export interface Once {
  /** No two requests that are fresh until the same moment have it. */
  readonly name: string;
  /** Unix milliseconds from which on the carrier refuses it as stale. */
  readonly freshUntil: number;
}

/** Past requests are looked for this often, at the most. */
const SWEEP_MS = 10_000;

/**
 * The requests that have ended their job, each for as long as it would be taken again, in the memory of this process:
 * some 100 bytes each, for five minutes unless told otherwise.
 */
export class ReplayWindow {
  readonly #now: () => number;
  /** Names by the moment: what is signed in one second is forgotten as one. */
  readonly #fresh = new Map<number, Set<string>>();
  #sweptAt: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#sweptAt = now();
  }

  get size(): number {
    return [...this.#fresh.values()].reduce((sum, names) => sum + names.size, 0);
  }

  has({ name, freshUntil }: Once): boolean {
    return this.#fresh.get(freshUntil)?.has(name) ?? false;
  }

  remember({ name, freshUntil }: Once): void {
    this.#sweep();
    const names = this.#fresh.get(freshUntil);
    if (names) names.add(name);
    else this.#fresh.set(freshUntil, new Set([name]));
  }

  #sweep(): void {
    const now = this.#now();
    if (Math.abs(now - this.#sweptAt) < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const freshUntil of this.#fresh.keys()) if (freshUntil < now) this.#fresh.delete(freshUntil);
  }
}
