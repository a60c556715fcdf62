import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob, isWaybillError, WaybillError } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { connected, eventOf, memoryWith, settledCount } from "../helpers/connected.ts";

test("R38: a 3 s job under a 1 s limit sees its signal, is released, and starts elsewhere within 2 s, attempt unspent", async () => {
  const store = memoryBackend();
  const starts: { attempt: number; at: number }[] = [];
  let reason: unknown;
  const long = defineJob({
    type: "long",
    async handler(_, job) {
      starts.push({ attempt: job.attempt, at: performance.now() });
      await sleep(3_000, undefined, { signal: job.signal }).catch((error: unknown) => {
        reason = job.signal.reason;
        throw error;
      });
    },
  });
  const first = await connected(store);
  const second = await connected(store);
  const leaving = first.worker({ jobs: [long], shutdown: { drain: "1s" } });
  const started = eventOf(first, "started");
  await leaving.start();
  await first.enqueue(long, {});
  await started;
  const report = await leaving.stop("SIGTERM");
  const releasedAt = performance.now();
  const again = eventOf(second, "started");
  await second.worker({ jobs: [long], shutdown: { drain: 0, abort: "100ms" } }).start();
  await again;
  expect(report).toMatchObject({ reason: "SIGTERM", released: 1, completed: 0, unfinished: 0 });
  expect(isWaybillError(reason, "SHUTDOWN")).toBe(true);
  expect(starts.map(({ attempt }) => attempt)).toEqual([1, 1]);
  expect((starts[1]?.at ?? Infinity) - releasedAt).toBeLessThan(2_000);
});

test("a job that ends within the drain limit is completed", async () => {
  const jobs = await connected();
  const brief = defineJob({ type: "brief", handler: () => sleep(100) });
  const worker = jobs.worker({ jobs: [brief] });
  const started = eventOf(jobs, "started");
  await worker.start();
  await jobs.enqueue(brief, {});
  await started;
  expect(await worker.stop()).toMatchObject({ completed: 1, released: 0, unfinished: 0 });
});

test("a handler unresponsive to its signal is released once the abort limit has passed", async () => {
  const jobs = await connected();
  const unresponsive = defineJob({ type: "unresponsive", handler: () => sleep(2_000) });
  const worker = jobs.worker({ jobs: [unresponsive], shutdown: { drain: "50ms", abort: "100ms" } });
  const started = eventOf(jobs, "started");
  await worker.start();
  await jobs.enqueue(unresponsive, {});
  await started;
  const report = await worker.stop();
  expect(report).toMatchObject({ released: 1, unfinished: 0 });
  expect(report.durationMs).toBeLessThan(1_500);
  expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 1 }]);
});

test("a second stop forces the first", async () => {
  const jobs = await connected();
  const long = defineJob({ type: "long", handler: (_, job) => sleep(10_000, undefined, { signal: job.signal }) });
  const worker = jobs.worker({ jobs: [long] });
  const started = eventOf(jobs, "started");
  await worker.start();
  await jobs.enqueue(long, {});
  await started;
  const startedAt = performance.now();
  const first = worker.stop();
  const second = worker.stop();
  expect(await second).toEqual(await first);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test("the store counts no leased job once a worker with prefetched jobs has stopped", async () => {
  const jobs = await connected();
  const brief = defineJob({ type: "brief", handler: () => sleep(20) });
  for (let n = 0; n < 50; n++) await jobs.enqueue(brief, {});
  const worker = jobs.worker({ jobs: [brief], concurrency: 2 });
  await worker.start();
  await sleep(300);
  const report = await worker.stop();
  const [left] = (await jobs.inspector?.counts()) ?? [];
  expect(left).toMatchObject({ ready: 50 - report.completed, leased: 0 });
});

test("a job that waits for a slot is released as soon as the worker is to stop, while another still runs", async () => {
  const gate = Promise.withResolvers<void>();
  let isLong = false;
  const mixed = defineJob({ type: "mixed", handler: () => (isLong ? gate.promise : undefined) });
  const jobs = await connected();
  const warm = settledCount(jobs, 100);
  const worker = jobs.worker({ jobs: [mixed], concurrency: 1, shutdown: { drain: "10s" } });
  await worker.start();
  for (let n = 0; n < 100; n++) await jobs.enqueue(mixed, {});
  await warm;
  isLong = true;
  const started = eventOf(jobs, "started");
  const ids = (await Promise.all([1, 2, 3].map(() => jobs.enqueue(mixed, {})))).map(({ id }) => id);
  await started;
  await expect.poll(() => jobs.inspector?.counts()).toMatchObject([{ leased: 3 }]);
  const released: unknown[] = [];
  const two = eventOf(jobs, "settled", ({ id, outcome, reason, attempt }) => {
    released.push({ id, outcome, code: reason?.code, attempt });
    return released.length === 2;
  });
  const stopped = worker.stop();
  await two;
  const release = { outcome: "release", code: "SHUTDOWN", attempt: 1 };
  expect(released).toEqual(ids.slice(1).map((id) => ({ id, ...release })));
  expect(worker.health()).toMatchObject({ state: "draining", running: 1 });
  gate.resolve();
  expect(await stopped).toMatchObject({ completed: 101, released: 2, unfinished: 0 });
});

test("a worker stops within its limits although the backend has frozen, and says what is unfinished", async () => {
  const frozen = new Promise<never>(() => {});
  const jobs = await connected(
    memoryWith(() => ({ ack: () => frozen, close: () => frozen })),
    { closeTimeout: "100ms" },
  );
  const brief = defineJob({ type: "brief", handler() {} });
  const finished = eventOf(jobs, "finished");
  const worker = jobs.worker({ jobs: [brief], shutdown: { drain: "100ms", abort: "100ms", close: "200ms" } });
  await worker.start();
  await jobs.enqueue(brief, {});
  await finished;
  const startedAt = performance.now();
  expect(await worker.stop()).toMatchObject({ completed: 0, unfinished: 1 });
  await jobs.close();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("a job whose lease is lost during the shutdown is unfinished, and one lost before it is not", async () => {
  const lost = { ok: false, error: new WaybillError("LEASE_LOST", "another worker has it") } as const;
  const jobs = await connected(
    memoryWith(() => ({ ack: async (leases) => leases.map(() => lost), retry: () => Promise.reject(lost.error) })),
  );
  const brief = defineJob({ type: "brief", handler() {} });
  const long = defineJob({ type: "long", handler: (_, { signal }) => sleep(60_000, undefined, { signal }) });
  const worker = jobs.worker({ jobs: [brief, long], shutdown: { drain: 0, abort: "5s" } });
  await worker.start();
  const before = eventOf(jobs, "lease_lost");
  await jobs.enqueue(brief, {});
  await before;
  const started = eventOf(jobs, "started");
  await jobs.enqueue(long, {});
  await started;
  expect(await worker.stop()).toMatchObject({ completed: 0, released: 0, lost: 1, unfinished: 1 });
});

test("close() stops the workers first, is the same for every caller, and afterwards enqueue says it is closed", async () => {
  const jobs = await connected();
  const brief = defineJob({ type: "brief", handler: () => sleep(50) });
  const settled = eventOf(jobs, "settled");
  const started = eventOf(jobs, "started");
  await jobs.worker({ jobs: [brief] }).start();
  await jobs.enqueue(brief, {});
  await started;
  await Promise.all([jobs.close(), jobs.close()]);
  expect(await settled).toMatchObject({ outcome: "completed" });
  await expect(jobs.enqueue(brief, {})).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
});

test("a stopped worker does not start again", async () => {
  const jobs = await connected();
  const worker = jobs.worker({ jobs: [defineJob({ type: "brief", handler() {} })] });
  await worker.start();
  await worker.stop();
  await expect(worker.start()).rejects.toThrow(/make a new one/);
});

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

test("close() leaves nothing behind that keeps the process alive", async () => {
  const before = timers();
  const jobs = await connected();
  const worker = jobs.worker({ jobs: [defineJob({ type: "brief", handler() {} })] });
  const settled = eventOf(jobs, "settled");
  await worker.start();
  await jobs.enqueue("brief", {});
  await settled;
  await jobs.close();
  await sleep(60);
  expect(timers()).toBeLessThanOrEqual(before);
});

test("close() waits for a stop that is under way without cutting its drain short", async () => {
  const jobs = await connected();
  const brief = defineJob({ type: "brief", handler: () => sleep(300) });
  const worker = jobs.worker({ jobs: [brief] });
  const started = eventOf(jobs, "started");
  await worker.start();
  await jobs.enqueue(brief, {});
  await started;
  const stopping = worker.stop();
  await jobs.close();
  expect(await stopping).toMatchObject({ completed: 1, released: 0 });
});

test("a handler that never ends keeps neither close() nor, by its timeout, the process", async () => {
  const before = timers();
  const jobs = await connected();
  const endless = defineJob({ type: "endless", timeout: "1h", handler: () => new Promise(() => {}) });
  const worker = jobs.worker({ jobs: [endless], shutdown: { drain: 0, abort: "20ms" } });
  const started = eventOf(jobs, "started");
  await worker.start();
  await jobs.enqueue(endless, {});
  await started;
  expect(await worker.stop()).toMatchObject({ released: 1 });
  await jobs.close();
  await sleep(60);
  expect(timers()).toBeLessThanOrEqual(before);
});

test("the backend is closed although one of its calls never ends", async () => {
  let closed = false;
  const jobs = await connected(
    memoryWith((backend) => ({
      enqueue: () => new Promise(() => {}),
      close: () => {
        closed = true;
        return backend.close();
      },
    })),
    { closeTimeout: "100ms", enqueueTimeout: "300ms" },
  );
  const stuck = jobs.enqueue("brief", {}).catch((error: unknown) => error);
  await sleep(10);
  await jobs.close();
  expect(closed).toBe(true);
  expect(await stuck).toMatchObject({ code: "ENQUEUE_UNKNOWN" });
});

test("run() resolves with the report when the worker is stopped from within", async () => {
  const jobs = await connected();
  const worker = jobs.worker({ jobs: [defineJob({ type: "brief", handler() {} })] });
  const running = worker.run();
  await sleep(20);
  await worker.stop("health");
  expect(await running).toMatchObject({ reason: "health", unfinished: 0 });
});

test("what the backend finds in its inbox after a worker has stopped is no longer reported in the worker's name", async () => {
  let find = (): void => {};
  const jobs = await connected(async (context) => {
    const reason = { code: "JSON_SYNTAX", message: "not JSON" };
    find = () => context.report.rejected({ id: "1", queue: "default", reason });
    return memoryBackend()();
  });
  const finders: unknown[] = [];
  jobs.events.on("rejected", ({ worker }) => void finders.push(worker));
  const worker = jobs.worker({ jobs: [defineJob({ type: "brief", handler() {} })] });
  await worker.start();
  find();
  await worker.stop();
  find();
  expect(finders).toEqual([worker.id, null]);
});
