/** Jobs remembered; above it the oldest are forgotten. */
const MAX_JOBS = 10_000;
/** How far a timestamp may be ahead. A receiver accepts a few minutes, but its clock may be off as well. */
const MAX_AHEAD_S = 5;

/** Timestamps and losses of single jobs. Bounded, and in memory: a restarted process begins again. */
export class SenderMemory {
  readonly #timestamps = new Map<string, number>();
  readonly #losses = new Map<string, Losses>();

  /**
   * Returns the timestamp for the next request of this job, in Unix seconds. Each one differs, because a receiver refuses a
   * repeated id and second once the job has ended; a job sent more often than that repeats the latest.
   */
  timestampFor(id: string): number {
    const now = Math.floor(Date.now() / 1_000);
    const next = (this.#timestamps.get(id) ?? 0) + 1;
    const timestamp = Math.min(Math.max(now, next), now + MAX_AHEAD_S);
    remember(this.#timestamps, id, timestamp);
    return timestamp;
  }

  /**
   * Returns how many deliveries of this job by this sender got no response. `deliveries` is its attempt plus its releases;
   * a lower number than before means the job was replayed, and the count begins at 0.
   */
  lossesOf(id: string, deliveries: number): number {
    const known = this.#losses.get(id);
    if (known === undefined) return 0;
    if (deliveries < known.deliveries) {
      this.#losses.delete(id);
      return 0;
    }
    known.deliveries = deliveries;
    return known.count;
  }

  /** Adds a loss and returns the new count. */
  countLoss(id: string, deliveries: number): number {
    const count = this.lossesOf(id, deliveries) + 1;
    remember(this.#losses, id, { count, deliveries });
    return count;
  }

  /** Call when the job has ended. A release or a retry does not reset the count. */
  forgetLosses(id: string): void {
    this.#losses.delete(id);
  }
}

interface Losses {
  readonly count: number;
  deliveries: number;
}

function remember<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  if (map.size <= MAX_JOBS) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
