import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { defineJob, defineSchedule, type EventName, type Jobs, WaybillError } from "../../src/index.ts";
import { connected, eventOf, memoryWith, soon } from "../helpers/connected.ts";

const noop = defineJob({ type: "noop", handler() {} });
afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts the events of this name. */
function countOf(jobs: Jobs, name: EventName): () => number {
  let count = 0;
  jobs.events.on(name, () => void count++);
  return () => count;
}

test("a worker whose first lease is refused stops by itself, and run() rejects with the refusal", async () => {
  const refusal = new WaybillError("CONFIG_INVALID", "no such user");
  const jobs = await connected(memoryWith(() => ({ lease: () => Promise.reject(refusal) })));
  const stopped = eventOf(jobs, "stopped");
  const worker = jobs.worker({ jobs: [noop] });
  const running = worker.run();
  running.catch(() => undefined);
  expect(await stopped).toMatchObject({ worker: worker.id, reason: "CONFIG_INVALID", unfinished: 0 });
  await expect(soon(running, () => "run() has not ended")).rejects.toMatchObject({ message: "no such user" });
  await expect(jobs.enqueue(noop, {})).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
});

test("a worker that grows past maxMemoryBytes lets its job finish and stops, and looks at the memory no longer", async () => {
  let usedBytes = 100;
  const rss = vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => usedBytes);
  const jobs = await connected();
  const slow = defineJob({ type: "slow", handler: () => sleep(700) });
  const started = eventOf(jobs, "started");
  const stopped = eventOf(jobs, "stopped");
  await jobs.worker({ jobs: [slow], maxMemoryBytes: 200 }).start();
  await jobs.enqueue(slow, {});
  await started;
  usedBytes = 201;
  expect(await stopped).toMatchObject({ reason: "MEMORY", completed: 1, released: 0 });
  const looks = rss.mock.calls.length;
  await sleep(600);
  expect(rss.mock.calls.length).toBe(looks);
});

test("a worker that is stopped before it grows past maxMemoryBytes looks at the memory no longer", async () => {
  const rss = vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => 100);
  const jobs = await connected();
  const worker = jobs.worker({ jobs: [noop], maxMemoryBytes: 200 });
  await worker.start();
  await worker.stop();
  const looks = rss.mock.calls.length;
  await sleep(600);
  expect(rss.mock.calls.length).toBe(looks);
});

test("a second start does nothing, be the first done or under way", async () => {
  const jobs = await connected();
  const booted = countOf(jobs, "booted");
  const schedules = [defineSchedule({ name: "daily", job: noop, payload: {}, cron: "0 3 * * *" })];
  const worker = jobs.worker({ jobs: [noop], schedules });
  await Promise.all([worker.start(), worker.start()]);
  await worker.start();
  expect(booted()).toBe(1);
});

test("a worker that is stopped while it starts never leases", async () => {
  const jobs = await connected();
  const booted = countOf(jobs, "booted");
  const schedules = [defineSchedule({ name: "daily", job: noop, payload: {}, cron: "0 3 * * *" })];
  const worker = jobs.worker({ jobs: [noop], schedules });
  const starting = worker.start();
  const stopped = worker.stop();
  await expect(starting).rejects.toThrow(/has been stopped; make a new one/);
  await stopped;
  expect(booted()).toBe(0);
});

test("the event of a stop is its report, and a worker that never started has none", async () => {
  const jobs = await connected();
  const events = countOf(jobs, "stopped");
  expect(await jobs.worker({ jobs: [noop] }).stop()).toMatchObject({ reason: "stop", completed: 0, unfinished: 0 });
  expect(events()).toBe(0);
  const worker = jobs.worker({ jobs: [noop] });
  const stopped = eventOf(jobs, "stopped");
  await worker.start();
  const report = await worker.stop("deploy");
  expect(report).toMatchObject({ worker: worker.id, reason: "deploy" });
  expect(await stopped).toMatchObject(report);
});

test("a worker keeps its process alive from its start until it has stopped, whatever its backend does", async () => {
  // Nothing of this backend has a timer: its lease calls wait for their signal alone.
  const idle = memoryWith(() => ({
    lease: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve([]))),
    ledger: null,
    workerRegistry: null,
  }));
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const jobs = await connected(idle);
  const before = timers();
  const worker = jobs.worker({ jobs: [noop] });
  await worker.start();
  await sleep(5);
  expect(timers()).toBe(before + 1);
  await worker.stop();
  expect(timers()).toBe(before);
});

test("a worker that has stopped leaves no interval running, not even one that does not keep the process alive", async () => {
  const set = vi.spyOn(globalThis, "setInterval");
  const cleared = vi.spyOn(globalThis, "clearInterval");
  const jobs = await connected();
  set.mockClear();
  const worker = jobs.worker({ jobs: [noop], maxMemoryBytes: 2 ** 40 });
  await worker.start();
  const intervals = set.mock.results.map(({ value }) => value as unknown);
  expect(intervals.length).toBeGreaterThan(0);
  await worker.stop();
  expect(cleared.mock.calls.map(([timer]) => timer)).toEqual(expect.arrayContaining(intervals));
});

test("a worker that has stopped extends no lease, although an outcome was not stored: another worker is to have the job", async () => {
  let extended = 0;
  const jobs = await connected(
    memoryWith(({ extend }) => ({
      ack: () => new Promise(() => {}),
      extend: (leases, leaseMs) => {
        extended += 1;
        return extend(leases, leaseMs);
      },
    })),
    { closeTimeout: "50ms" },
  );
  const worker = jobs.worker({ jobs: [noop], lease: "300ms", shutdown: { close: "50ms" } });
  await worker.start();
  await jobs.enqueue(noop, {});
  await expect.poll(() => extended).toBeGreaterThan(0);
  expect(await worker.stop()).toMatchObject({ unfinished: 1 });
  const atStop = extended;
  await sleep(400);
  expect(extended).toBe(atStop);
});
