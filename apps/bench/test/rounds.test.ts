import { expect, test } from "vitest";
import { interleave, median, percentile } from "../src/rounds.ts";
import { row } from "../src/row.ts";
import { verify } from "../src/verify.ts";

test("sides alternate, every other round backwards, and each returns its own median", async () => {
  const order: string[] = [];
  const side = (name: string, values: readonly number[]) => {
    const left = [...values];
    return async (): Promise<number> => {
      order.push(name);
      return left.shift() ?? Number.NaN;
    };
  };
  const result = await interleave(3, { ours: side("ours", [10, 90, 30]), raw: side("raw", [7, 5, 6]) });
  expect(order).toEqual(["ours", "raw", "raw", "ours", "ours", "raw"]);
  expect(result).toEqual({ ours: 30, raw: 6 });
});

test("the median of an even number is the lower middle, and a percentile is a value that was seen", () => {
  expect(median([4, 1, 3, 2])).toBe(2);
  const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
  expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile([3], 0.99)]).toEqual([50, 99, 3]);
  expect(() => median([])).toThrow("no values");
});

test("a count that is off by one voids the measurement", () => {
  expect(() => verify("jobs in the file", 999, 1_000)).toThrow("jobs in the file: 999 instead of 1000");
  expect(() => verify("jobs in the file", 1_000, 1_000)).not.toThrow();
});

test("a row without a peer has no ratio", () => {
  const common = { backend: "sqlite", metric: "process", concurrency: 50, unit: "jobs/s" } as const;
  expect(row({ ...common, peer: "raw node:sqlite", ours: 60, theirs: 100 }).ratio).toBe(0.6);
  expect(row({ ...common, peer: "none", ours: 60, theirs: null }).ratio).toBeNull();
});
