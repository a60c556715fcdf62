import { expect, test } from "vitest";
import { nextTurns, tokenBucket } from "../../../src/features/limits/token-bucket.ts";
import type { Rate } from "../../../src/features/limits/limit-numbers.ts";

/** Small numbers that look random and are the same at each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

/** The most starts in any window of `perMs`, both ends included. */
function mostWithin(starts: readonly number[], perMs: number): number {
  const sorted = starts.toSorted((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to += 1) {
    while ((sorted[to] as number) - (sorted[from] as number) > perMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

const rates: readonly [count: number, perMs: number, burst: number][] = [
  [100, 1_000, 20],
  [100, 1_000, 1],
  [100, 1_000, 2],
  [1, 1_000, 1],
  [1, 60_000, 5],
  [3, 1_000, 1],
  [5, 60_000, 1],
  [1_000, 1_000, 1_000],
  [7, 100, 3],
];

const rate = ([count, perMs, burst]: readonly [number, number, number]): Rate => ({
  kind: "rate",
  count,
  perMs,
  burst,
});

test.each(rates)(
  "at %i in %i ms with burst %i, jobs as late as may be never exceed the rate and the burst",
  (...given) => {
    const [count, perMs, burst] = given;
    const bucket = tokenBucket(rate(given));
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = numbers(seed);
      const starts: number[] = [];
      let [arrival, now] = [0, 1_000];
      while (starts.length < 5 * count + 3 * burst) {
        // Pauses that fill the bucket, and floods.
        now += random() < 0.1 ? random() * 2 * perMs : random() * bucket.intervalMs;
        const next = nextTurns(bucket, arrival, now, 1 + Math.floor(random() * 5));
        arrival = next.arrival;
        starts.push(...next.turns.map((turn) => turn + (random() < 0.5 ? bucket.lateMs : random() * bucket.lateMs)));
      }
      expect(mostWithin(starts, perMs)).toBeLessThanOrEqual(count + burst);
    }
  },
);

test.each(rates)("at %i in %i ms with burst %i, at least 95 % of the rate is given out", (...given) => {
  const [count, perMs] = given;
  const { turns } = nextTurns(tokenBucket(rate(given)), 0, 0, 10 * count);
  expect((turns.at(-1) as number) / (10 * perMs)).toBeLessThan(1 / 0.95);
});

test("turns of a full bucket come at once, as far as the burst goes, and then evenly", () => {
  const bucket = { intervalMs: 10, burst: 3, lateMs: 5 };
  expect(nextTurns(bucket, 0, 1_000, 6).turns).toEqual([1_000, 1_000, 1_000, 1_010, 1_020, 1_030]);
});
