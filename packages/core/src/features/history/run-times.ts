/** How many runs took how long: their number by bucket. Two are merged by adding them up. */
export type RunTimes = Map<number, number>;

/** Each bucket ends at this many times the end of the one before, so a value read from one is off by 12 % at most. */
const GROWTH = 1.25;
/** The last bucket, of all runs over a day. With it the minutes of an hour fit in one record of the ledger. */
const LAST = 83;

/** Bucket 0 has runs of up to 1 ms. */
export function addRun(times: RunTimes, ms: number): void {
  const bucket = ms <= 1 ? 0 : Math.min(LAST, Math.ceil(Math.log(ms) / Math.log(GROWTH)));
  times.set(bucket, (times.get(bucket) ?? 0) + 1);
}

export function addRuns(times: RunTimes, more: RunTimes): void {
  for (const [bucket, count] of more) times.set(bucket, (times.get(bucket) ?? 0) + count);
}

/** Returns the milliseconds that this part of the runs did not exceed; null without runs. */
export function quantile(times: RunTimes, part: number): number | null {
  const sorted = [...times].toSorted(([a], [b]) => a - b);
  let left = sorted.reduce((sum, [, count]) => sum + count, 0) * part;
  for (const [bucket, count] of sorted) {
    left -= count;
    if (left <= 0) return bucket === 0 ? 1 : GROWTH ** (bucket - 0.5);
  }
  return null;
}

/** As "12:5 13:1". */
export const runTimesText = (times: RunTimes): string =>
  [...times].map(([bucket, count]) => `${bucket}:${count}`).join(" ");

/** What is no pair of whole numbers is left out. */
export function runTimesOf(text: unknown): RunTimes {
  if (typeof text !== "string") return new Map();
  const pairs = text.split(" ").map((pair) => pair.split(":").map(Number));
  const valid = pairs.filter((pair) => pair.length === 2 && pair.every((one) => Number.isSafeInteger(one) && one >= 0));
  return new Map(valid as [number, number][]);
}
