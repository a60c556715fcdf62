import { afterEach, describe, expect, test } from "vitest";
import type { Inspector, LiveWorker } from "../../src/index.ts";
import { EventBus } from "../../src/observability/events.ts";
import { jobMetrics, type MetricsOptions } from "../../src/observability/metrics/index.ts";
import { moveClock } from "../../src/time/clock.ts";

const back: (() => void)[] = [];
afterEach(() => back.splice(0).forEach((undo) => undo()));
const pass = (ms: number): void => void back.push(moveClock(ms));

const label = { type: "a.b", queue: "media", attempt: 1, lost: 0, releases: 0, worker: "w1" };
const booted = { role: "worker", env: "test", backend: "memory:", offers: [], pid: 1 };
const counted = { delayed: 0, dead: 0, finished: 0, oldestWaitMs: null };
const live = { host: "h", pid: 1, version: null, running: 0, startedAt: 0, heartbeatMs: 1, heardMs: 0 };

/** One worker of ten slots on the queue `media`, which has these jobs. */
function measured(queues: Record<string, number>, options: MetricsOptions = {}, workers?: Partial<LiveWorker>[]) {
  const events = new EventBus();
  const counts = async () => Object.entries(queues).map(([queue, ready]) => ({ queue, ready, leased: 0, ...counted }));
  const inspector = { counts } as unknown as Inspector;
  const list = workers?.map((one, at) => ({ ...live, id: `w${at}`, queues: ["media"], concurrency: 10, ...one }));
  const metrics = jobMetrics({ events, inspector, ...(list && { workers: async () => list }) }, options);
  events.emit("booted", { ...booted, queues: ["media"], worker: "w1", concurrency: 10 });
  let id = 0;
  return {
    events,
    /** Runs jobs one after the other on each of so many slots. */
    run(slots: number, rounds: number, ms: number) {
      for (let round = 0; round < rounds; round++) {
        const ids = Array.from({ length: slots }, () => `job-${id++}`);
        for (const one of ids) events.emit("started", { ...label, id: one });
        pass(ms);
        for (const one of ids) events.emit("finished", { ...label, id: one, outcome: "completed", durationMs: ms });
      }
    },
    async value(name: string): Promise<number | null> {
      const found = (await metrics.read()).find((one) => one.name === name);
      return found?.samples[0]?.value ?? null;
    },
  };
}

describe("how long the queues take to drain", () => {
  test("is the jobs divided by the rate of full slots, also after a pause and for a worker that is mostly idle", async () => {
    const full = measured({ media: 1_000, others: 500 });
    expect(await full.value("waybill_drain_seconds")).toBeNull();
    full.run(10, 50, 100);
    expect(await full.value("waybill_drain_seconds")).toBeCloseTo(10, 0);
    pass(3_600_000);
    expect(await full.value("waybill_drain_seconds")).toBeCloseTo(10, 0);
    const idle = measured({ media: 1_000 });
    idle.run(1, 50, 100);
    expect(await idle.value("waybill_drain_seconds")).toBeCloseTo(10, 0);
    const long = measured({ media: 100 });
    long.run(10, 1, 600_000);
    expect(await long.value("waybill_drain_seconds")).toBeCloseTo(6_000, 0);
  });

  test("counts the slots of the live workers of those queues, and is 0 when nothing waits", async () => {
    const shared = measured({ media: 1_000 }, {}, [{}, {}, { queues: ["others"] }]);
    shared.run(10, 50, 100);
    expect(await shared.value("waybill_drain_seconds")).toBeCloseTo(5, 0);
    expect(await shared.value("waybill_workers_slots")).toBe(30);
    expect(await measured({ media: 0 }).value("waybill_drain_seconds")).toBe(0);
  });
});

describe("desired workers", () => {
  test.each([
    ["no jobs", 0, 100, {}, 0],
    ["one quick job", 1, 100, {}, 1],
    ["1,000 jobs of 100 ms: ten seconds of one worker", 1_000, 100, {}, 1],
    ["60,000 of them: ten minutes of one worker", 60_000, 100, {}, 10],
    ["60,000 of them in ten minutes", 60_000, 100, { drainTarget: "10m" }, 1],
    ["25 jobs of an hour: a slot each", 25, 3_600_000, {}, 3],
  ] as const)("for %s", async (_, jobs, ms, options, workers) => {
    const seen = measured({ media: jobs }, options);
    seen.run(10, 3, ms);
    expect(await seen.value("waybill_desired_workers")).toBe(workers);
  });

  test("is one for jobs of unknown duration, and is not said by a process without a worker", async () => {
    const seen = measured({ media: 5_000 });
    expect(await seen.value("waybill_desired_workers")).toBe(1);
    seen.events.emit("stopped", {
      worker: "w1",
      reason: "stop",
      completed: 0,
      retried: 0,
      released: 0,
      dead: 0,
      discarded: 0,
      rejected: 0,
      lost: 0,
      unfinished: 0,
      durationMs: 0,
    });
    expect(await seen.value("waybill_desired_workers")).toBeNull();
    expect(await seen.value("waybill_slots")).toBe(0);
  });

  test("does not drift when starts and ends are reported twice or not at all", async () => {
    const seen = measured({ media: 600 });
    seen.run(10, 10, 1_000);
    for (let n = 0; n < 500; n++)
      seen.events.emit("finished", { ...label, id: "unknown", outcome: "completed", durationMs: 9e9 });
    expect(await seen.value("waybill_desired_workers")).toBe(1);
    expect(await seen.value("waybill_running")).toBe(0);
  });
});

test("rates and utilisation are of this process", async () => {
  const seen = measured({ media: 0 });
  seen.run(10, 100, 1_000);
  expect(await seen.value("waybill_runs_per_second")).toBeCloseTo(10, 0);
  for (const id of ["x", "y", "z"]) seen.events.emit("started", { ...label, id });
  expect(await seen.value("waybill_utilisation")).toBeCloseTo(0.3);
  expect(await seen.value("waybill_mean_run_seconds")).toBeCloseTo(1);
});

test("a target of no time is refused", () => {
  expect(() => measured({}, { drainTarget: 0 })).toThrow("drainTarget is 0");
});
