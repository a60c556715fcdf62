import { expect, test } from "vitest";
import { spread } from "../scripts/longest-first.ts";

const spreadPaths = (paths: readonly string[]): string[] => spread(paths, (path) => path);

test("long test files start in the first half, apart from each other, one backend after the other", () => {
  const others = Array.from({ length: 8 }, (_, n) => `test/short${n}.test.ts`);
  const [kills, sqsKills] = ["a/kills-bullmq.process.test.ts", "a/kills-sqs.process.test.ts"];
  const outages = "a/outages-bullmq.process.test.ts";
  expect(spreadPaths([...others, kills, sqsKills, outages])).toEqual([
    kills,
    others[0],
    outages,
    others[1],
    sqsKills,
    ...others.slice(2),
  ]);
});

test("contract suites are long, whatever emulator they run on", () => {
  const suites = ["p/test/contract-fauxqs.test.ts", "p/test/contract.test.ts"];
  expect(spreadPaths(["test/a.test.ts", ...suites]).slice(0, 1)).toEqual(suites.slice(0, 1));
});

test("files keep their order where none is long, and none is left out where all are", () => {
  const long = ["a/x-sqlite.process.test.ts", "a/x-sqs.process.test.ts"];
  expect(spreadPaths(["test/b.test.ts", "test/a.test.ts"])).toEqual(["test/b.test.ts", "test/a.test.ts"]);
  expect(spreadPaths(long)).toEqual(long);
  expect(spreadPaths([])).toEqual([]);
});
