/** Of jobs seen lately; the oldest are forgotten. */
const MOST_JOBS = 10_000;

/** What a sender remembers of single jobs, within bounds and only while the process lives. */
export class SenderMemory {
  readonly #timestamps = new Map<string, number>();
  readonly #losses = new Map<string, number>();

  /** For the next request of this job, in Unix seconds: a receiver takes the same id and second only once. */
  timestampFor(id: string): number {
    const timestamp = Math.max(Math.floor(Date.now() / 1_000), (this.#timestamps.get(id) ?? 0) + 1);
    remember(this.#timestamps, id, timestamp);
    return timestamp;
  }

  /** Deliveries from here that nobody answered. */
  lossesOf(id: string): number {
    return this.#losses.get(id) ?? 0;
  }

  /** Answers the new count. */
  countLoss(id: string): number {
    const count = this.lossesOf(id) + 1;
    remember(this.#losses, id, count);
    return count;
  }

  /** Somebody has said what became of the job. */
  forgetLosses(id: string): void {
    this.#losses.delete(id);
  }
}

function remember<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  if (map.size <= MOST_JOBS) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
