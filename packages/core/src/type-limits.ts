import type { Held } from "./held.ts";

interface Place {
  readonly most: number;
  running: number;
  waiting: number;
  /** Of those that wait, how many in each queue. */
  readonly waitingIn: Map<string, number>;
}

/** How many of each limited type run and wait here. Types without a limit are not counted. */
export class TypeLimits {
  readonly #places: ReadonlyMap<string, Place>;

  constructor(most: ReadonlyMap<string, number>) {
    this.#places = new Map([...most].map(([type, limit]) => [type, freePlace(limit)]));
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
    for (const place of this.#places.values()) stopped += stoppedOf(place);
    return stopped;
  }

  /** At most so many of them are of that queue. */
  stoppedIn(queue: string): number {
    let stopped = 0;
    for (const place of this.#places.values()) {
      stopped += Math.min(stoppedOf(place), place.waitingIn.get(queue) ?? 0);
    }
    return stopped;
  }

  waits({ lease }: Held, by: 1 | -1): void {
    const place = this.#places.get(lease.type);
    if (place === undefined) return;
    place.waiting += by;
    place.waitingIn.set(lease.queue, (place.waitingIn.get(lease.queue) ?? 0) + by);
  }

  runs({ lease }: Held, by: 1 | -1): void {
    const place = this.#places.get(lease.type);
    if (place) place.running += by;
  }
}

const freePlace = (most: number): Place => ({ most, running: 0, waiting: 0, waitingIn: new Map() });

const stoppedOf = ({ most, running, waiting }: Place): number => Math.max(0, waiting - Math.max(0, most - running));
