/** Notices that the process did not run for a while: stopped by a signal, frozen with its container, or blocked by a handler. */
export interface FreezeDetector {
  /**
   * Returns the earliest time at which the backend can have sent the response to a call, if the response is read now. Both are
   * in monotonic milliseconds; `calledAt` is when the call began. That is now while the event loop turns, and earlier where the
   * response may have waited unread.
   */
  respondedSince(calledAt: number): number;
  end(): void;
}

/** A busy event loop is late by less than this. */
const BEAT_MS = 250;
/** Responses that waited unread are handled within this time after the process goes on. */
const AFTERWARDS_MS = 1_000;

export function detectFreezes(): FreezeDetector {
  let beatAt = performance.now();
  let frozenFrom = 0;
  let frozenUntil = -Infinity;

  /** Called by the timer and before each use: a socket may be read before the timer runs. */
  function look(): number {
    const now = performance.now();
    if (now - beatAt > 2 * BEAT_MS) {
      // Soon after another freeze, what arrived during that one may be unread still: both count as one.
      if (beatAt - frozenUntil > AFTERWARDS_MS) frozenFrom = beatAt;
      frozenUntil = now;
    }
    beatAt = now;
    return now;
  }

  const beat = setInterval(look, BEAT_MS).unref();
  return {
    respondedSince(calledAt) {
      const now = look();
      if (now - frozenUntil > AFTERWARDS_MS || frozenUntil < calledAt) return now;
      return Math.max(calledAt, frozenFrom);
    },
    end: () => clearInterval(beat),
  };
}
