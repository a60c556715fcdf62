/**
 * How a worker leases ahead of its free slots. Named like the modes of graphile-worker's local queue:
 *
 * - `"starting"`: no job has ended yet. Leases as many jobs as slots are free.
 * - `"polling"`: no leased job waits for a slot. Leases for the free slots, and ahead of them if jobs are quick.
 * - `"waiting"`: leased jobs wait for a slot. Leases again once half of those leased ahead have started.
 * - `"ttl_expired"`: a leased job waited too long for a slot, or outcomes could not be stored. As `"starting"`, until a job ends
 *   quickly.
 * - `"released"`: the worker stops. Leases nothing. The last mode.
 */
export type PrefetchMode = "starting" | "polling" | "waiting" | "ttl_expired" | "released";

export interface PrefetchSettings {
  readonly concurrency: number;
  /** The most jobs leased ahead of the free slots, and the most outcomes being stored meanwhile. 0: none ahead. */
  readonly prefetch: number;
}

/** Jobs that take this long on average are not leased ahead: another worker may be idle. A new worker assumes it. */
const SLOW_MS = 1_000;
/** Leases ahead for this long. */
const AHEAD_MS = 100;
/** Even with one slot, quick jobs are leased a few at a time. */
const FEW = 8;
/** Weight of the latest job in the moving average. */
const LATEST = 0.1;

/** Decides how many jobs a worker leases before it has a slot for them, from how long its jobs took lately. */
export class PrefetchPolicy {
  readonly #concurrency: number;
  readonly #prefetch: number;
  #averageMs = SLOW_MS;
  /** Jobs that have ended since the worker started, or since `expire`. */
  #ended = 0;
  #hasExpired = false;
  #isReleased = false;

  constructor({ concurrency, prefetch }: PrefetchSettings) {
    this.#concurrency = concurrency;
    this.#prefetch = prefetch;
  }

  /** `waiting`: leased jobs that wait for a slot. */
  mode(waiting: number): PrefetchMode {
    if (this.#isReleased) return "released";
    if (this.#hasExpired) return "ttl_expired";
    if (waiting > 0) return "waiting";
    return this.#ended === 0 ? "starting" : "polling";
  }

  /** Whether the worker stops. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * Jobs worth leasing ahead of the free slots: as many as the slots finish in a tenth of a second, and at most twice as many
   * as they have finished so far. So a job that kills its worker at once takes few others with it.
   */
  get ahead(): number {
    if (this.#averageMs >= SLOW_MS) return 0;
    const soon = Math.ceil((this.#concurrency * AHEAD_MS) / Math.max(this.#averageMs, 0.1));
    return Math.min(soon, this.#prefetch, Math.max(2 * this.#ended, FEW));
  }

  /**
   * Outcomes that may be in the course of being stored while jobs start. They lag behind by as much as leases are ahead, so
   * that both are few large calls; a slow backend slows the worker down.
   */
  get maxSettling(): number {
    return Math.max(this.#concurrency, Math.min(FEW, this.#prefetch), this.ahead);
  }

  /** How many jobs to lease now. `waiting`: leased jobs that wait for a slot, without those that no free slot would start. */
  limit(freeSlots: number, waiting: number): number {
    const { ahead } = this;
    const mode = this.mode(waiting);
    if (mode === "released") return 0;
    // A few large calls rather than many small ones.
    if (mode === "waiting" && freeSlots <= 0 && waiting > ahead / 2) return 0;
    return Math.max(0, freeSlots + ahead - waiting);
  }

  /** A job has run for `ranMs`. Not for a job that was released without having run: it says nothing of how long jobs take. */
  jobEnded(ranMs: number): void {
    this.#ended += 1;
    this.#averageMs += (ranMs - this.#averageMs) * LATEST;
    if (this.#averageMs < SLOW_MS) this.#hasExpired = false;
  }

  /** Leases nothing ahead until jobs end quickly again, and then more by and by. */
  expire(): void {
    this.#averageMs = SLOW_MS;
    this.#ended = 0;
    this.#hasExpired = true;
  }

  /** Leases nothing from now on. */
  release(): void {
    this.#isReleased = true;
  }
}
