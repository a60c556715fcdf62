/** A speed with a wrong count behind it is no result: the run fails. */
export function verify(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}; the measurement is void`);
}

/** Jobs per second. */
export function rate(jobs: number, startedAt: number): number {
  return (jobs / (performance.now() - startedAt)) * 1_000;
}

/** Calls `task` for 0 to `count − 1`, `width` calls in flight at any time. */
export async function inFlight(count: number, width: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
