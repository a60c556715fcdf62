let aheadMs = 0;

/** Unix milliseconds, for times that are sent to other programs or received from them. */
export function wallMs(): number {
  return Date.now() + aheadMs;
}

/** Monotonic milliseconds, for measuring time inside this process. */
export function monotonicMs(): number {
  return performance.now() + aheadMs;
}

/** For tests: moves both clocks of this process forward by `ms`. Returns a function that moves them back. */
export function moveClock(ms: number): () => void {
  aheadMs += ms;
  return () => void (aheadMs -= ms);
}
