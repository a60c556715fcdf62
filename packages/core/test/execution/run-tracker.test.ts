import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { RunHandle, RunTracker, type TrackedRun } from "../../src/exports/endpoint.ts";
import { releaseRunning } from "../../src/execution/run-tracker.ts";
import { WaybillError } from "../../src/index.ts";

const shutdown = new WaybillError("SHUTDOWN", "the process ends");

/** A run whose handler ends when the test says so. */
function openRun(id: string | null): TrackedRun & { readonly work: () => Promise<void>; readonly end: () => void } {
  const handle = new RunHandle();
  let end = (): void => {};
  const handler = new Promise<void>((resolve) => (end = resolve));
  const late = (): WaybillError => new WaybillError("JOB_TIMEOUT", "too long");
  return { id, handle, work: () => handle.run(() => handler, 60_000, late), end: () => end() };
}

test("a run is found by its id until its handler has ended", async () => {
  const tracker = new RunTracker<TrackedRun>();
  const run = openRun("one");
  const working = tracker.track(run, run.work);
  expect(tracker.find("one")).toBe(run);
  expect([tracker.size, tracker.undecided]).toEqual([1, 1]);
  run.end();
  await working;
  expect(tracker.find("one")).toBeUndefined();
  expect([tracker.size, tracker.undecided]).toEqual([0, 0]);
});

test("a run whose outcome is decided without its handler is still found, and counted apart", async () => {
  const tracker = new RunTracker<TrackedRun>();
  const run = openRun("unresponsive");
  const working = tracker.track(run, run.work);
  tracker.cancel(shutdown, 0);
  await expect(working).rejects.toBe(shutdown);
  expect(tracker.find("unresponsive")).toBe(run);
  expect([tracker.size, tracker.undecided]).toEqual([1, 0]);
  await tracker.whenDecided(60_000);
  run.end();
  await tracker.whenEnded(2_000);
  expect([tracker.size, tracker.find("unresponsive")]).toEqual([0, undefined]);
});

test("runs without an id are counted and cancelled, each by itself", async () => {
  const tracker = new RunTracker<TrackedRun>();
  const runs = [openRun(null), openRun(null)];
  const working = runs.map((run) => tracker.track(run, run.work));
  expect(tracker.size).toBe(2);
  runs[0]?.end();
  await working[0];
  expect(tracker.size).toBe(1);
  tracker.cancel(shutdown, 0);
  await expect(working[1]).rejects.toBe(shutdown);
});

test("a cancelled run has its grace before it is waited for no longer", async () => {
  const tracker = new RunTracker<TrackedRun>();
  const run = openRun("slow");
  const working = tracker.track(run, run.work);
  tracker.cancel(shutdown, 10_000);
  expect(run.handle.signal.reason).toBe(shutdown);
  run.end();
  await expect(working).resolves.toBeUndefined();
});

test.each(["whenDecided", "whenEnded"] as const)("%s resolves at its limit, or when it is forced", async (which) => {
  const tracker = new RunTracker<TrackedRun>();
  const run = openRun("long");
  void tracker.track(run, run.work);
  const since = performance.now();
  await tracker[which](30);
  expect(performance.now() - since).toBeGreaterThan(25);
  await tracker[which](60_000, sleep(5));
  let resolved = false;
  void tracker[which](60_000).then(() => (resolved = true));
  await sleep(5);
  expect(resolved).toBe(false);
  run.end();
  await expect.poll(() => resolved).toBe(true);
});

test("work that rejects is decided as well, and its error reaches the caller", async () => {
  const tracker = new RunTracker<TrackedRun>();
  const broken = new Error("not stored");
  await expect(tracker.track({ id: "a", handle: new RunHandle() }, () => Promise.reject(broken))).rejects.toBe(broken);
  expect([tracker.size, tracker.undecided]).toEqual([0, 0]);
});

test("a delivery of a job that still runs is released for 1 s, doubling to 1 min", () => {
  const delays = [0, 1, 5, 6, 7, 100].map((releases) => releaseRunning(releases));
  expect(delays).toMatchObject([1_000, 2_000, 32_000, 60_000, 60_000, 60_000].map((delayMs) => ({ delayMs })));
  expect(delays[0]).toMatchObject({ kind: "release", reason: { code: "RUNNING_HERE" } });
});
