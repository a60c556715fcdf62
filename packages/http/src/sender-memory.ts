/** Of jobs seen lately; the oldest are forgotten. */
const MOST_JOBS = 10_000;
/** A receiver takes what is a few minutes off; its clock may be, too. */
const MOST_AHEAD_S = 5;

/** What a sender remembers of single jobs, within bounds and only while the process lives. */
export class SenderMemory {
  readonly #timestamps = new Map<string, number>();
  readonly #losses = new Map<string, number>();

  /**
   * For the next request of this job, in Unix seconds: a receiver ends a job by the same id and second only once. Another
   * each time, but for a job that comes so often that its requests would be of the future.
   */
  timestampFor(id: string): number {
    const now = Math.floor(Date.now() / 1_000);
    const next = (this.#timestamps.get(id) ?? 0) + 1;
    const timestamp = Math.min(Math.max(now, next), now + MOST_AHEAD_S);
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
