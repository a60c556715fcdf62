import { expect, test } from "vitest";
import { ConcurrencyLimiter } from "../../src/worker/concurrency-limiter.ts";
import { Dispatcher } from "../../src/worker/dispatcher.ts";
import { FairScheduler } from "../../src/worker/fair-scheduler.ts";
import type { InFlightJob } from "../../src/worker/in-flight-job.ts";
import { RunTracker } from "../../src/execution/run-tracker.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { PoisonIsolation } from "../../src/worker/poison-isolation.ts";
import { PrefetchPolicy } from "../../src/worker/prefetch-policy.ts";
import type { Outcome } from "../../src/job/outcome.ts";
import { lease } from "../helpers/lease.ts";

interface Given {
  readonly concurrency?: number;
  readonly prefetch?: number;
  readonly queues?: Record<string, number>;
  readonly types?: Record<string, number>;
  readonly quickJobs?: number;
}

/** A dispatcher whose jobs end when the test says so. */
function dispatcherOf({
  concurrency = 1,
  prefetch = 500,
  queues = { default: 1 },
  types = {},
  quickJobs = 0,
}: Given = {}) {
  const typeConcurrency = new Map(Object.entries(types));
  const inFlight = new InFlightJobs(typeConcurrency.keys());
  const policy = new PrefetchPolicy({ concurrency, prefetch });
  const scheduler = new FairScheduler(new Map(Object.entries(queues)));
  const runs = new RunTracker<InFlightJob>();
  const running: InFlightJob[] = [];
  const released: [InFlightJob, string][] = [];
  const log: string[] = [];
  const paused: Outcome = { kind: "release", delayMs: 0, reason: { code: "PAUSED", message: "" } };
  const dispatcher = new Dispatcher({
    inFlight,
    runs,
    limiter: new ConcurrencyLimiter({ concurrency, prefetch, typeConcurrency }, inFlight),
    scheduler,
    prefetch: policy,
    isolation: new PoisonIsolation(20),
    runner: {
      run(job) {
        inFlight.start(job);
        running.push(job);
        log.push(`run ${job.lease.id}`);
      },
      release(job, outcome) {
        inFlight.settle(job);
        const code = outcome.kind === "release" ? outcome.reason.code : outcome.kind;
        released.push([job, code]);
        log.push(`${code} ${job.lease.id}`);
      },
    },
    refusal: ({ id }) => (id.startsWith("paused") ? paused : null),
  });
  const take = (...ids: string[]): void =>
    dispatcher.add(ids.map((id) => ({ ...lease, id, queue: id.replace(/\d+$/, "") || "default" })));
  const end = (job = running.shift()): void => {
    if (job === undefined) throw new Error("no job runs");
    inFlight.settle(job);
    inFlight.remove(job);
  };
  for (let n = 0; n < quickJobs; n++) policy.jobEnded(0.01);
  return { dispatcher, inFlight, scheduler, runs, policy, released, log, take, end };
}

/** Until the pass that is scheduled has run. */
const pass = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** How many jobs a lease loop may lease after the next pass; null while it has to wait. */
const limitNow = async (limit: Promise<number>): Promise<number | null> =>
  Promise.race([limit, pass().then(() => null)]);

test("a change schedules one pass: nothing starts while a job arrives or ends", async () => {
  const { take, end, log } = dispatcherOf({ quickJobs: 100 });
  take("1", "2", "3");
  expect(log).toEqual([]);
  await pass();
  expect(log).toEqual(["run 1"]);
  end();
  expect(log).toEqual(["run 1"]);
  await pass();
  expect(log).toEqual(["run 1", "run 2"]);
});

test("three changes at once are one pass", async () => {
  const { dispatcher, inFlight, scheduler } = dispatcherOf({ concurrency: 2, types: { resize: 1 } });
  inFlight.start(inFlight.add({ ...lease, type: "resize" }));
  await pass();
  let passes = 0;
  const { next } = scheduler;
  scheduler.next = (candidateOf) => {
    passes += 1;
    return next.call(scheduler, candidateOf) as never;
  };
  dispatcher.add(["1", "2", "3"].map((id) => ({ ...lease, id, type: "resize" })));
  await pass();
  expect(passes).toBe(1);
});

test("five hundred leases that have run out while the process was frozen are released in one pass", async () => {
  const { dispatcher, inFlight, released, log } = dispatcherOf({ quickJobs: 600 });
  const expiresAt = Date.now() - 1;
  dispatcher.add(Array.from({ length: 500 }, (_, n) => ({ ...lease, id: String(n), expiresAt })));
  await pass();
  expect(new Set(released.map(([, code]) => code))).toEqual(new Set(["BUSY"]));
  expect([released.length, inFlight.leased, log.length]).toEqual([500, 0, 500]);
});

test("a job whose handler has not ended here does not start again", async () => {
  const { inFlight, runs, log, take } = dispatcherOf();
  const earlier = inFlight.add({ ...lease, id: "1" });
  inFlight.settle(earlier);
  void runs.track(earlier, () => new Promise(() => {}));
  take("1");
  await pass();
  expect(log).toEqual(["RUNNING_HERE 1"]);
});

test("no job starts while too many outcomes are being stored", async () => {
  const { inFlight, log, take } = dispatcherOf({ prefetch: 1, quickJobs: 1 });
  take("1", "2");
  await pass();
  const [first] = inFlight;
  if (first) inFlight.settle(first);
  await pass();
  expect(log).toEqual(["run 1"]);
  if (first) inFlight.remove(first);
  await pass();
  expect(log).toEqual(["run 1", "run 2"]);
});

test("no job is leased while too many outcomes are being stored", async () => {
  const { dispatcher, inFlight } = dispatcherOf({ prefetch: 20, quickJobs: 500 });
  const settling = Array.from({ length: 20 }, () => inFlight.add(lease));
  for (const job of settling) inFlight.settle(job);
  const limit = dispatcher.nextLimit("default");
  expect(await limitNow(limit)).toBeNull();
  for (const job of settling.slice(0, 1)) inFlight.remove(job);
  expect(await limitNow(limit)).toBe(21);
});

test("several queues that return a job each for one free slot: the rest is released at once", async () => {
  const { log, take } = dispatcherOf({ queues: { a: 1, b: 1, c: 1 } });
  take("a1");
  take("b1");
  take("c1");
  await pass();
  expect(log).toEqual(["run a1", "BUSY b1", "BUSY c1"]);
});

test("a job that waits is not surplus once it may wait, although nothing is leased ahead any more", async () => {
  const { dispatcher, inFlight, policy, log, take } = dispatcherOf({ quickJobs: 100 });
  take("1", "2");
  await pass();
  policy.expire();
  inFlight.settle(inFlight.add({ ...lease, id: "3" }));
  await pass();
  expect(log).toEqual(["run 1"]);
  expect(await limitNow(dispatcher.nextLimit("default"))).toBeNull();
});

test("jobs of a full type are passed over, and wait for their type while other types start", async () => {
  const { dispatcher, log, end } = dispatcherOf({ concurrency: 2, types: { resize: 1 } });
  const [resize, other] = [
    { ...lease, type: "resize" },
    { ...lease, type: "other" },
  ];
  dispatcher.add([
    { ...resize, id: "1" },
    { ...resize, id: "2" },
    { ...other, id: "3" },
  ]);
  await pass();
  expect(log).toEqual(["run 1", "run 3"]);
  end();
  await pass();
  expect(log).toEqual(["run 1", "run 3", "run 2"]);
});

test("a job waits a second for a slot, and is released then: as busy, or because its type is full", async () => {
  const { dispatcher, inFlight, policy, log } = dispatcherOf({ quickJobs: 100, types: { resize: 1 }, concurrency: 2 });
  const start = inFlight.add({ ...lease, id: "0", type: "resize" });
  inFlight.start(start);
  inFlight.start(inFlight.add({ ...lease, id: "9" }));
  dispatcher.add([
    { ...lease, id: "1", type: "resize" },
    { ...lease, id: "2" },
  ]);
  dispatcher.releaseOverdue();
  expect(log).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 1_010));
  dispatcher.releaseOverdue();
  expect(log.toSorted()).toEqual(["BUSY 2", "TYPE_BUSY 1"]);
  expect(policy.mode(0)).toBe("ttl_expired");
});

test("jobs of a full type that waited too long do not end prefetching", async () => {
  const { dispatcher, inFlight, policy, log } = dispatcherOf({ quickJobs: 100, types: { resize: 1 }, concurrency: 2 });
  inFlight.start(inFlight.add({ ...lease, id: "0", type: "resize" }));
  dispatcher.add([{ ...lease, id: "1", type: "resize" }]);
  await new Promise((resolve) => setTimeout(resolve, 1_010));
  dispatcher.releaseOverdue();
  expect([log, policy.mode(0)]).toEqual([["TYPE_BUSY 1"], "polling"]);
});

test("a lease loop learns how many jobs to lease once there is a free slot, and not before", async () => {
  const { dispatcher, take, end } = dispatcherOf();
  expect(await limitNow(dispatcher.nextLimit("default"))).toBe(1);
  take("1");
  const next = dispatcher.nextLimit("default");
  expect(await limitNow(next)).toBeNull();
  end(undefined);
  expect(await limitNow(next)).toBe(1);
});

test("free slots are shared by weight among the queues", async () => {
  const { dispatcher } = dispatcherOf({ concurrency: 8, queues: { a: 3, b: 1 } });
  expect(await limitNow(dispatcher.nextLimit("a"))).toBe(6);
  expect(await limitNow(dispatcher.nextLimit("b"))).toBe(2);
});

test("of the loops that wait, the one whose queue starts a job sooner goes first", async () => {
  const { dispatcher, take, end } = dispatcherOf({ queues: { a: 1, b: 2 } });
  const started = { a: 0, b: 0 };
  for (let n = 0; n < 30; n++) {
    const order: ("a" | "b")[] = [];
    const loops = (["a", "b"] as const).map(async (queue) => {
      await dispatcher.nextLimit(queue);
      order.push(queue);
    });
    if (n > 0) end();
    await Promise.all(loops);
    // Both queues have work, and the first to lease is the first to get it.
    const [first = "a"] = order;
    take(first);
    started[first] += 1;
    await pass();
  }
  expect(started).toEqual({ a: 10, b: 20 });
});

test("a queue full of jobs of a full type is searched only so far", async () => {
  const { dispatcher } = dispatcherOf({ concurrency: 2, types: { resize: 1 }, queues: { a: 1, b: 1 } });
  const resize = (id: number) => ({ ...lease, id: String(id), type: "resize", queue: "a" });
  dispatcher.add([resize(1), resize(2)]);
  expect(await limitNow(dispatcher.nextLimit("a"))).toBe(1);
  dispatcher.add([resize(3)]);
  expect(await limitNow(dispatcher.nextLimit("a"))).toBeNull();
  expect(await limitNow(dispatcher.nextLimit("b"))).toBe(1);
});

test("after release nothing starts: what waits and what still arrives is released, and the loops end", async () => {
  const { dispatcher, log, take, end } = dispatcherOf({ quickJobs: 100 });
  take("1", "2");
  await pass();
  const waiting = Array.from({ length: 2 }, () => dispatcher.nextLimit("default"));
  dispatcher.release();
  expect(log).toEqual(["run 1", "SHUTDOWN 2"]);
  expect(await limitNow(dispatcher.nextLimit("default"))).toBe(0);
  take("3");
  expect(log).toEqual(["run 1", "SHUTDOWN 2", "SHUTDOWN 3"]);
  end();
  await pass();
  expect(log).toHaveLength(3);
  expect(await Promise.all(waiting.map(limitNow))).toEqual([0, 0]);
});

test("a job of a queue that is not configured starts like any other", async () => {
  const { log, take } = dispatcherOf({ queues: { a: 1 } });
  take("stray1");
  await pass();
  expect(log).toEqual(["run stray1"]);
});

test("a job that is paused or cancelled is refused as it arrives, and never starts", async () => {
  const { log, take } = dispatcherOf();
  take("paused1", "2");
  await pass();
  expect(log).toEqual(["PAUSED paused1", "run 2"]);
});
