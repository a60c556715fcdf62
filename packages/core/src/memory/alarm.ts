import { monotonicMs } from "../clock.ts";
/** One timer for one queue: rings when the next delayed message or expiring lease falls due. */
export interface Alarm {
  /** Rings no later than `at` on the monotonic clock; `Infinity` never. */
  by(at: number): void;
  off(): void;
}

/** Longest wait a Node timer takes; the alarm rings then for nothing and is set again. */
const LONGEST_MS = 2 ** 31 - 1;

export function createAlarm(ring: () => void): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let setFor = Infinity;

  const off = (): void => {
    clearTimeout(timer);
    setFor = Infinity;
  };

  return {
    off,
    by(at) {
      if (at >= setFor) return;
      clearTimeout(timer);
      setFor = at;
      // Timers may ring a fraction early, so round up; ringing for nothing only sets the alarm again.
      const inMs = Math.min(Math.max(Math.ceil(at - monotonicMs()), 1), LONGEST_MS);
      timer = setTimeout(() => {
        setFor = Infinity;
        ring();
      }, inMs);
    },
  };
}
