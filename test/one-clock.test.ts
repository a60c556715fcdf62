import { expect, test } from "vitest";
import { read, sources } from "./workspace.ts";

/** Reads the machine's clock: a test that moved the clock of `testJobs` would see two. */
const readsTheWall = /\bDate\.now\b|\bnew Date(\(\)|\b(?!\())|(?<!new )\bDate\(\)/;

/** Reads the clock of this process, which a test moves as well. */
const readsTheProcess = /\bperformance\.now\b|\bprocess\.(hrtime|uptime)\b/;

/**
 * These time their own calls and timers, which last as long as they do: a clock that a test moves would end them early. What a job or a
 * record waits for is none of that.
 */
const TIMES_REAL_CALLS = [
  "backend/gather.ts",
  "backend/seam.ts",
  "connect/open-producer.ts",
  "observability/otel/process-span.ts",
  "observability/otel/send-span.ts",
  "producer/enqueue-many.ts",
  "worker/dispatcher.ts",
  "worker/fair-scheduler.ts",
  "worker/freeze-detector.ts",
  "worker/heartbeat.ts",
  "worker/in-flight-job.ts",
  "worker/job-runner.ts",
  "worker/lease-loop.ts",
  "worker/worker.ts",
];

/** The lines of core that match, comments and texts left out, as `file: line`. */
function linesThatRead(clock: RegExp): string[] {
  return sources("packages/core/src").flatMap((file) =>
    read(file)
      .split("\n")
      .filter((line) => clock.test(line.replace(/^\s*(\*|\/\/|\/\*).*|"[^"]*"/g, "")))
      .map((line) => `${file.replace("packages/core/src/", "")}: ${line.trim()}`),
  );
}

test("what reads the wall clock is known", () => {
  const reads = ["const now = Date.now();", "at: new Date().toISOString()", "const now = Date.now;", "x = new Date;"];
  expect(reads.filter((line) => !readsTheWall.test(line))).toEqual([]);
  expect(["new Date(at)", "value instanceof Date", "wallMs()"].filter((line) => readsTheWall.test(line))).toEqual([]);
});

test("core reads the wall clock in one file alone, which a test may move", () => {
  expect(sources("packages/core/src").length).toBeGreaterThan(50);
  expect(linesThatRead(readsTheWall)).toEqual(["time/clock.ts: return Date.now() + aheadMs;"]);
});

test("core reads the clock of the process there as well, and where it times its own calls", () => {
  const files = new Set(linesThatRead(readsTheProcess).map((line) => line.replace(/: .*/, "")));
  expect([...files].toSorted()).toEqual([...TIMES_REAL_CALLS, "time/clock.ts"].toSorted());
});
