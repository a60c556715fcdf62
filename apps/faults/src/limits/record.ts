import { readLines } from "../record.ts";

/** What the handler of a limited job did, one line each. */
export interface LimitedStart {
  readonly what: "start" | "end" | "abort";
  readonly id: string;
  readonly key: string;
  readonly attempt: number;
  readonly releases: number;
  readonly pid: number;
  /** Of an abort: why. */
  readonly code?: string;
  /** Unix milliseconds. */
  readonly at: number;
}

export function readLimited(file: string): LimitedStart[] {
  return readLines(file).map((line) => JSON.parse(line) as LimitedStart);
}

/** Returns the most times within any window of `ms`, both ends included. */
export function mostWithin(times: readonly number[], ms: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to += 1) {
    while ((sorted[to] ?? 0) - (sorted[from] ?? 0) > ms) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}
