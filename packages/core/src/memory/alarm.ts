import { monotonicMs } from "../time/clock.ts";

/** One timer for one queue. It rings when the next delay or lease ends. */
export interface Alarm {
  /** Rings no later than `at` on the monotonic clock. `Infinity`: does not ring. */
  by(at: number): void;
  off(): void;
}

/** The longest timeout of Node: an alarm that is later rings early, and is then set again. */
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
      // Rounded up, because timers may fire a fraction of a millisecond early.
      const inMs = Math.min(Math.max(Math.ceil(at - monotonicMs()), 1), LONGEST_MS);
      timer = setTimeout(() => {
        setFor = Infinity;
        ring();
      }, inMs).unref();
    },
  };
}
