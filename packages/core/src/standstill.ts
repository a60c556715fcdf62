/** Notices that this process stood still: stopped by a signal, frozen with its container, or blocked by a handler. */
export interface Standstill {
  /**
   * The earliest time, in monotonic milliseconds, at which the answer to a call made at `askedAt` can have been sent, if
   * it is read now. That is now while the event loop turns, and earlier where the answer may have waited unread.
   */
  answeredSince(askedAt: number): number;
  end(): void;
}

/** A busy event loop is late by less than this. */
const BEAT_MS = 250;
/** Answers that waited unread are handled within this time after the process goes on. */
const AFTERWARDS_MS = 1_000;

export function watchStandstill(): Standstill {
  let beatAt = performance.now();
  let stoodFrom = 0;
  let stoodUntil = -Infinity;

  /** A socket may be read before the timer runs, so that both look. */
  function look(): number {
    const now = performance.now();
    if (now - beatAt > 2 * BEAT_MS) {
      // Soon after another standstill, what arrived during that one may be unread still: both count as one.
      if (beatAt - stoodUntil > AFTERWARDS_MS) stoodFrom = beatAt;
      stoodUntil = now;
    }
    beatAt = now;
    return now;
  }

  const beat = setInterval(look, BEAT_MS).unref();
  return {
    answeredSince(askedAt) {
      const now = look();
      if (now - stoodUntil > AFTERWARDS_MS || stoodUntil < askedAt) return now;
      return Math.max(askedAt, stoodFrom);
    },
    end: () => clearInterval(beat),
  };
}
