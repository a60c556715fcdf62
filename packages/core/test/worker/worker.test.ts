import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineJob, handlerFor, isWaybillError, RetryLater, WaybillError } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { connected, eventOf, memoryWith, settledCount } from "../helpers/connected.ts";

const noop = defineJob({ type: "noop", handler() {} });

test("a job that is enqueued runs once with its payload and is settled as completed", async () => {
  const seen: unknown[] = [];
  const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }) });
  const jobs = await connected();
  const settled = eventOf(jobs, "settled");
  const worked = handlerFor(greet, ({ name }, job) => void seen.push([name, job.attempt]));
  await jobs.worker({ jobs: [worked] }).start();
  const { id, stored } = await jobs.enqueue(greet, { name: "Ada" });
  expect(stored).toBe(true);
  expect(await settled).toMatchObject({ id, outcome: "completed", attempt: 1 });
  expect(seen).toEqual([["Ada", 1]]);
  expect(await jobs.inspector?.counts()).toEqual([]);
});

test("a failure is tried again with the next attempt, and the last one is kept with its reason", async () => {
  const attempts: number[] = [];
  const fails = defineJob({
    type: "fails",
    retry: { maxAttempts: 3, initial: 5, jitter: false },
    handler(_, job) {
      attempts.push(job.attempt);
      throw new Error("still no luck");
    },
  });
  const jobs = await connected();
  const dead = eventOf(jobs, "settled", (event) => event.outcome === "dead");
  await jobs.worker({ jobs: [fails] }).start();
  const { id } = await jobs.enqueue(fails, {});
  await dead;
  expect(attempts).toEqual([1, 2, 3]);
  expect(await jobs.inspector?.deadLetters()).toMatchObject([
    { id, attempt: 3, reason: { code: "ATTEMPTS_EXHAUSTED", message: expect.stringContaining("still no luck") } },
  ]);
});

test("RetryLater releases the job without spending an attempt", async () => {
  const attempts: number[] = [];
  const shy = defineJob({
    type: "shy",
    handler(_, job) {
      attempts.push(job.attempt);
      if (attempts.length < 3) throw new RetryLater("10ms");
    },
  });
  const jobs = await connected();
  const done = eventOf(jobs, "settled", (event) => event.outcome === "completed");
  await jobs.worker({ jobs: [shy] }).start();
  await jobs.enqueue(shy, {});
  await done;
  expect(attempts).toEqual([1, 1, 1]);
});

test.each([
  [undefined, 19, "completed"],
  [undefined, 20, "dead"],
  [3, 2, "completed"],
  [3, 3, "dead"],
] as const)("under maxLost %s a job that took %i workers with it ends as %s", async (maxLost, lost, outcome) => {
  const killer = memoryWith(({ lease }) => ({
    lease: async (request) => (await lease(request)).map((one) => ({ ...one, lost })),
  }));
  const jobs = await connected(killer);
  const job = defineJob({ type: "t", handler() {} });
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [job], ...(maxLost !== undefined && { maxLost }) }).start();
  await jobs.enqueue(job, {});
  expect(await settled).toMatchObject({ outcome, ...(outcome === "dead" && { reason: { code: "WORKER_LOST" } }) });
});

test("never more jobs run than the concurrency, and as many as that do", async () => {
  let running = 0;
  let most = 0;
  const busy = defineJob({
    type: "busy",
    async handler() {
      most = Math.max(most, ++running);
      await sleep(5);
      running -= 1;
    },
  });
  const jobs = await connected();
  const all = settledCount(jobs, 40);
  for (let n = 0; n < 40; n++) await jobs.enqueue(busy, {});
  await jobs.worker({ jobs: [busy], concurrency: 4 }).start();
  await all;
  expect(most).toBe(4);
});

test("one queue full of work does not keep another waiting", async () => {
  const flood = defineJob({ type: "flood", queue: "flood", handler: () => sleep(2) });
  const rare = defineJob({ type: "rare", queue: "rare", handler() {} });
  const jobs = await connected();
  for (let n = 0; n < 300; n++) await jobs.enqueue(flood, {});
  await jobs.worker({ jobs: [flood, rare], concurrency: 2 }).start();
  await eventOf(jobs, "settled");
  const served = eventOf(jobs, "settled", (event) => event.queue === "rare");
  await jobs.enqueue(rare, {});
  await served;
  const [left] = (await jobs.inspector?.counts()) ?? [];
  expect(left?.queue).toBe("flood");
  expect((left?.ready ?? 0) + (left?.leased ?? 0)).toBeGreaterThan(100);
});

test("a job three times as long as its lease runs once, its lease extended all the while", async () => {
  let runs = 0;
  const long = defineJob({
    type: "long",
    async handler() {
      runs += 1;
      await sleep(450);
    },
  });
  const jobs = await connected();
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [long], lease: "150ms", concurrency: 2 }).start();
  await jobs.enqueue(long, {});
  expect(await settled).toMatchObject({ outcome: "completed", attempt: 1, lost: 0 });
  expect(runs).toBe(1);
});

test("a lease that is lost aborts its handler, is reported, and is not counted as done", async () => {
  let reason: unknown;
  const long = defineJob({
    type: "long",
    handler: (_, job) =>
      new Promise((resolve) => {
        job.signal.addEventListener("abort", () => {
          reason = job.signal.reason;
          resolve();
        });
      }),
  });
  const lost = new WaybillError("LEASE_LOST", "another worker has it");
  const jobs = await connected(
    memoryWith(() => ({ extend: async (leases) => leases.map(() => ({ ok: false, error: lost })) })),
  );
  const reported = eventOf(jobs, "lease_lost");
  const worker = jobs.worker({ jobs: [long], lease: "200ms" });
  await worker.start();
  const { id } = await jobs.enqueue(long, {});
  expect(await reported).toMatchObject({ id, during: "run" });
  expect(isWaybillError(reason, "LEASE_LOST")).toBe(true);
  expect(await worker.stop()).toMatchObject({ completed: 0, lost: expect.any(Number) });
});

test("a backend that cannot be asked to extend loses the lease at its deadline, not before and not never", async () => {
  const long = defineJob({ type: "long", handler: (_, job) => sleep(5_000, undefined, { signal: job.signal }) });
  const jobs = await connected(memoryWith(() => ({ extend: () => new Promise(() => {}) })));
  const reported = eventOf(jobs, "lease_lost");
  await jobs.worker({ jobs: [long], lease: "300ms" }).start();
  const startedAt = performance.now();
  await jobs.enqueue(long, {});
  await reported;
  const afterMs = performance.now() - startedAt;
  expect(afterMs).toBeGreaterThanOrEqual(290);
  expect(afterMs).toBeLessThan(1_500);
});

test("a backend that is away is reported once, tried again with growing waits, and its return is reported", async () => {
  let failures = 0;
  const jobs = await connected(
    memoryWith((backend) => ({
      lease: (request) => (failures++ < 3 ? Promise.reject(new Error("connection refused")) : backend.lease(request)),
    })),
  );
  const away: string[] = [];
  jobs.events.on("unavailable", ({ message }) => away.push(message));
  const back = eventOf(jobs, "recovered");
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [noop] }).start();
  await jobs.enqueue(noop, {});
  await back;
  expect(await settled).toMatchObject({ outcome: "completed" });
  expect(away).toEqual([expect.stringContaining("connection refused")]);
});

test("a settle that fails because the backend is away is reported and tried again until it is stored", async () => {
  let failures = 0;
  const jobs = await connected(
    memoryWith((backend) => ({
      ack: (leases) => (failures++ < 2 ? Promise.reject(new Error("broken pipe")) : backend.ack(leases)),
    })),
  );
  const away = eventOf(jobs, "unavailable");
  const back = eventOf(jobs, "recovered");
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [noop] }).start();
  await jobs.enqueue(noop, {});
  expect(await away).toMatchObject({ message: expect.stringContaining("broken pipe") });
  await back;
  expect(await settled).toMatchObject({ outcome: "completed" });
  expect(failures).toBe(3);
});

test("a handler unresponsive to its timeout keeps its job from starting twice in the same worker", async () => {
  let running = 0;
  let most = 0;
  const unresponsive = defineJob({
    type: "unresponsive",
    timeout: "30ms",
    retry: { initial: 1, jitter: false },
    async handler() {
      most = Math.max(most, ++running);
      await sleep(300);
      running -= 1;
    },
  });
  const jobs = await connected();
  const released = eventOf(jobs, "settled", (event) => event.outcome === "release");
  await jobs.worker({ jobs: [unresponsive], concurrency: 4 }).start();
  await jobs.enqueue(unresponsive, {});
  expect(await released).toMatchObject({ reason: { code: "RUNNING_HERE" } });
  expect(most).toBe(1);
});

test("a prefetched job that waits over a second behind long jobs is released without spending an attempt", async () => {
  let long = false;
  const mixed = defineJob({ type: "mixed", handler: () => (long ? sleep(1_800) : undefined) });
  const jobs = await connected();
  const quick = settledCount(jobs, 100);
  await jobs.worker({ jobs: [mixed], concurrency: 1 }).start();
  for (let n = 0; n < 100; n++) await jobs.enqueue(mixed, {});
  await quick;
  long = true;
  const back = eventOf(jobs, "settled", (event) => event.outcome === "release");
  for (let n = 0; n < 10; n++) await jobs.enqueue(mixed, {});
  expect(await back).toMatchObject({ attempt: 1, reason: { code: "BUSY" } });
});

test("a worker whose slots long jobs occupy leaves quick ones to an idle worker", async () => {
  const store = memoryBackend();
  const ranBy: string[] = [];
  const job = (name: string) =>
    defineJob({
      type: "mixed",
      async handler(payload) {
        const { ms = 0 } = payload as { ms?: number };
        if (ms > 0) await sleep(ms);
        else ranBy.push(name);
      },
    });
  const [one, two] = [await connected(store), await connected(store)];
  const quick = settledCount(one, 100);
  const busy = one.worker({ jobs: [job("busy")], concurrency: 2, shutdown: { drain: 0, abort: "50ms" } });
  await busy.start();
  for (let n = 0; n < 100; n++) await one.enqueue("mixed", {});
  await quick;
  for (let n = 0; n < 2; n++) await one.enqueue("mixed", { ms: 4_000 });
  await sleep(50);
  ranBy.length = 0;
  for (let n = 0; n < 4; n++) await one.enqueue("mixed", {});
  const served = settledCount(two, 4);
  await two.worker({ jobs: [job("idle")] }).start();
  const startedAt = performance.now();
  await served;
  expect(ranBy).toEqual(["idle", "idle", "idle", "idle"]);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test("one free slot and five queues: surplus jobs are released at once", async () => {
  const queues = ["a", "b", "c", "d", "e"];
  const slow = queues.map((queue) => defineJob({ type: `slow.${queue}`, queue, handler: () => sleep(1_500) }));
  const jobs = await connected();
  for (const job of slow) await jobs.enqueue(job, {});
  await jobs.worker({ jobs: slow, concurrency: 1, shutdown: { drain: 0, abort: "50ms" } }).start();
  await sleep(300);
  const counts = (await jobs.inspector?.counts()) ?? [];
  expect(counts.reduce((sum, { leased }) => sum + leased, 0)).toBe(1);
});

const mistakes: [string, object, RegExp][] = [
  ["no jobs", { jobs: [] }, /at least one job/],
  ["a job without a handler", { jobs: [defineJob({ type: "bare" })] }, /handlerFor/],
  ["two handlers of one type", { jobs: [noop, noop] }, /two handlers.*"noop"/],
  ["a concurrency of 0", { jobs: [noop], concurrency: 0 }, /concurrency is 0/],
  ["a lease too short to keep", { jobs: [noop], lease: "5ms" }, /lease is 5 ms/],
  ["a limit longer than any timer", { jobs: [noop], shutdown: { drain: "30d" } }, /at most "24d"/],
  ["a queue no backend can hold", { jobs: [noop], queues: ["Q!"] }, /"Q!"/],
];
for (const [what, options, message] of mistakes) {
  test(`a worker with ${what} is not made`, async () => {
    const jobs = await connected();
    expect(() => jobs.worker(options as never)).toThrow(message);
  });
}

test("a worker whose jobs ask what the backend refuses is not made, and the error says what to do", async () => {
  const jobs = await connected(memoryWith(() => ({}), { capabilities: { maxRetryDelayMs: 0, maxDelayMs: 0 } }));
  expect(() => jobs.worker({ jobs: [noop] })).toThrow(/use a backend that can delay a retry/);
});
