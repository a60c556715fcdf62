/** How long to pause before the next try for the write lock: short at first, random, at most 20 ms. */
export function busyPauseMs(tries: number): number {
  return 1 + Math.random() * Math.min(2 ** tries, 19);
}
