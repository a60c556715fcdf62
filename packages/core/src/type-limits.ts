import type { Held } from "./held.ts";

interface Place {
  readonly most: number;
  running: number;
  waiting: number;
}

/** How many of each limited type run and wait here. Types without a limit are not counted. */
export class TypeLimits {
  readonly #places: ReadonlyMap<string, Place>;

  constructor(most: ReadonlyMap<string, number>) {
    this.#places = new Map([...most].map(([type, limit]) => [type, { most: limit, running: 0, waiting: 0 }]));
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  /** Whether as many of its type run as may. */
  isFull({ lease }: Held): boolean {
    const place = this.#places.get(lease.type);
    return place !== undefined && place.running >= place.most;
  }

  /** Waiting leases that could not start even if all places were free. */
  get stopped(): number {
    let stopped = 0;
    for (const { most, running, waiting } of this.#places.values()) {
      stopped += Math.max(0, waiting - Math.max(0, most - running));
    }
    return stopped;
  }

  waits({ lease }: Held, by: 1 | -1): void {
    const place = this.#places.get(lease.type);
    if (place) place.waiting += by;
  }

  runs({ lease }: Held, by: 1 | -1): void {
    const place = this.#places.get(lease.type);
    if (place) place.running += by;
  }
}
