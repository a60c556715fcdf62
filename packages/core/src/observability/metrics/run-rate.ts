import { monotonicMs } from "../../time/clock.ts";

/** Sums fade with this time constant: they cover about the last half minute. */
const FADE_MS = 30_000;
/** The measured rate of longer jobs is too coarse: few of them end within the time that the sums cover. */
const QUICK_MS = 5_000;

/**
 * How fast this process runs jobs. Every number is over about the last half minute in which jobs ran, so that a pause between
 * two bursts does not count as slowness.
 */
export class RunRate {
  readonly #beganAt = monotonicMs();
  #at = this.#beganAt;
  #running = 0;
  #ended = 0;
  #endedWhileBusy = 0;
  #runMs = 0;
  #busyMs = 0;
  #slotMs = 0;
  #meanMs: number | null = null;

  started(): void {
    this.#pass();
    this.#running += 1;
  }

  /** `ranMs`: the duration of its handler. */
  ended(ranMs: number): void {
    this.#pass();
    this.#running = Math.max(0, this.#running - 1);
    this.#ended += 1;
    this.#endedWhileBusy += 1;
    this.#runMs += ranMs;
    this.#meanMs = this.#runMs / this.#endedWhileBusy;
  }

  /** Returns the handlers that ended per second, over about the last half minute, idle time included. */
  perSecond(): number {
    this.#pass();
    const covered = FADE_MS * (1 - Math.exp((this.#beganAt - this.#at) / FADE_MS));
    return covered === 0 ? 0 : (this.#ended / covered) * 1_000;
  }

  /** Returns the mean duration of recent handlers in milliseconds. Null before the first has ended. */
  meanMs(): number | null {
    return this.#meanMs;
  }

  /**
   * Returns the jobs per second that `slots` slots of this process run when there are enough jobs. Null before the first job has
   * ended. Quick jobs that kept half of the slots busy: the rate that was measured. Else `slots` divided by the mean duration.
   */
  fullRate(slots: number): number | null {
    this.#pass();
    if (this.#meanMs === null) return null;
    const isMeasured = this.#meanMs < QUICK_MS && this.#busyMs > 0 && this.#slotMs / this.#busyMs >= slots / 2;
    const perMs = isMeasured ? this.#endedWhileBusy / this.#busyMs : slots / Math.max(this.#meanMs, 0.01);
    return perMs * 1_000;
  }

  /** Adds the time since the last change, and fades what came before it. */
  #pass(): void {
    const now = monotonicMs();
    const fade = Math.exp((this.#at - now) / FADE_MS);
    this.#at = now;
    this.#ended *= fade;
    if (this.#running === 0) return;
    const passedMs = FADE_MS * (1 - fade);
    this.#endedWhileBusy *= fade;
    this.#runMs *= fade;
    this.#busyMs = this.#busyMs * fade + passedMs;
    this.#slotMs = this.#slotMs * fade + passedMs * this.#running;
  }
}
