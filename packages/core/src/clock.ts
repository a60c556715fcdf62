let aheadMs = 0;

/** Unix milliseconds: what is told to others and compared with what they told. */
export function wallMs(): number {
  return Date.now() + aheadMs;
}

/** Milliseconds that nobody sets back: what waits in this process is measured by. */
export function monotonicMs(): number {
  return performance.now() + aheadMs;
}

/** For tests: moves both clocks of this process forward by `ms`. Answers the function that moves them back. */
export function moveClock(ms: number): () => void {
  aheadMs += ms;
  return () => void (aheadMs -= ms);
}
