import { expect, test } from "vitest";
import { read, sources } from "./workspace.ts";

/** Reads the machine's clock: a test that moved the clock of `testJobs` would see two. */
const readsTheWall = /\bDate\.now\b|\bnew Date(\(\)|\b(?!\())|(?<!new )\bDate\(\)/;

test("what reads the wall clock is known", () => {
  const reads = ["const now = Date.now();", "at: new Date().toISOString()", "const now = Date.now;", "x = new Date;"];
  expect(reads.filter((line) => !readsTheWall.test(line))).toEqual([]);
  expect(["new Date(at)", "value instanceof Date", "wallMs()"].filter((line) => readsTheWall.test(line))).toEqual([]);
});

test("core reads the wall clock in one file alone, which a test may move", () => {
  const files = sources("packages/core/src");
  expect(files.length).toBeGreaterThan(50);
  const lines = files.flatMap((file) =>
    read(file)
      .split("\n")
      .filter((line) => readsTheWall.test(line.replace(/^\s*(\*|\/\/|\/\*).*|"[^"]*"/g, "")))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(lines).toEqual(["packages/core/src/time/clock.ts: return Date.now() + aheadMs;"]);
});
