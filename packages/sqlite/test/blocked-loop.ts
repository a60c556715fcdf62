import { readFileSync } from "node:fs";

/**
 * Starts to measure how long the event loop of this process stands still, also where it sleeps within a call of SQLite, which takes
 * no CPU time. Returns a function that ends the watch and returns the longest such time in milliseconds. Time in which this thread
 * was ready to run and every core was taken is left out: with 16 busy processes on 2 cores it is 200 ms at once.
 */
export function watchBlockedLoop(): () => number {
  let longest = 0;
  let last = moment();
  const beat = (): void => {
    const now = moment();
    longest = Math.max(longest, now.at - last.at - (now.queuedMs - last.queuedMs));
    last = now;
  };
  const timer = setInterval(beat, 5);
  return () => {
    beat();
    clearInterval(timer);
    return longest;
  };
}

/** Both were read without a wait for a core between them. */
function moment(): { readonly at: number; readonly queuedMs: number } {
  for (;;) {
    const queuedMs = queuedForCoreMs();
    const at = performance.now();
    if (queuedForCoreMs() === queuedMs) return { at, queuedMs };
  }
}

/** Always 0 where the system does not count it, as on macOS. */
function queuedForCoreMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
