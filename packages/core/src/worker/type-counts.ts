interface Counts {
  running: number;
  leased: number;
  readonly leasedByQueue: Map<string, number>;
}

/** Counts the leased and the running jobs of some types. Other types are not counted: producers may send any number of them. */
export class TypeCounts {
  readonly #counts: ReadonlyMap<string, Counts>;

  constructor(types: Iterable<string>) {
    const empty = (): Counts => ({ running: 0, leased: 0, leasedByQueue: new Map() });
    this.#counts = new Map([...types].map((type) => [type, empty()]));
  }

  /** 0 for a type that is not counted. */
  runningOf(type: string): number {
    return this.#counts.get(type)?.running ?? 0;
  }

  /** In one queue, or in all. 0 for a type that is not counted. */
  leasedOf(type: string, queue?: string): number {
    const counts = this.#counts.get(type);
    if (counts === undefined) return 0;
    return queue === undefined ? counts.leased : (counts.leasedByQueue.get(queue) ?? 0);
  }

  addLeased({ type, queue }: { readonly type: string; readonly queue: string }, by: 1 | -1): void {
    const counts = this.#counts.get(type);
    if (counts === undefined) return;
    counts.leased += by;
    counts.leasedByQueue.set(queue, (counts.leasedByQueue.get(queue) ?? 0) + by);
  }

  addRunning(type: string, by: 1 | -1): void {
    const counts = this.#counts.get(type);
    if (counts !== undefined) counts.running += by;
  }
}
