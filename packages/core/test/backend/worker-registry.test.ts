import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { defineJob } from "../../src/index.ts";
import type { WorkerRegistry, WorkerRegistryBackend } from "../../src/exports/backend.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { connected, eventOf } from "../helpers/connected.ts";

const noop = defineJob({ type: "noop", queue: "mailers", handler() {} });

/** A memory backend whose worker registry has a bad day. */
function withWorkerRegistry(
  spoil: (good: WorkerRegistry) => Partial<WorkerRegistry>,
): () => Promise<WorkerRegistryBackend> {
  const open = memoryBackend();
  return async () => {
    const backend = await open();
    return { ...backend, workerRegistry: { ...backend.workerRegistry, ...spoil(backend.workerRegistry) } };
  };
}

test("a worker is listed from its start to its stop, in every process, with what it does", async () => {
  const store = memoryBackend();
  const jobs = await connected(store, { version: "1.4.2" });
  const long = defineJob({ type: "long", queue: "media", handler: () => sleep(400) });
  const worker = jobs.worker({ jobs: [noop, long], concurrency: 7, heartbeat: 100 });
  expect(await jobs.workers()).toEqual([]);
  const before = Date.now();
  await worker.start();
  await jobs.enqueue(long, {});
  const other = await connected(store);
  await expect.poll(async () => (await other.workers())[0]?.running, { interval: 10 }).toBe(1);
  const [listed, ...more] = await other.workers();
  expect(more).toEqual([]);
  expect(listed).toEqual({
    id: worker.id,
    host: expect.any(String),
    pid: process.pid,
    version: "1.4.2",
    queues: ["mailers", "media"],
    concurrency: 7,
    running: 1,
    startedAt: expect.any(Number),
    heartbeatMs: 100,
    heardMs: expect.any(Number),
    types: { [noop.type]: 1, [long.type]: 1 },
    leaseMs: 30_000,
    jobs: [expect.objectContaining({ type: long.type, attempt: 1, running: true })],
    leased: 1,
    returned: [],
  });
  expect(listed?.startedAt).toBeGreaterThanOrEqual(before);
  expect(listed?.heardMs).toBeLessThan(300);
  await sleep(400);
  expect(await other.workers()).toHaveLength(1);
  await worker.stop();
  expect(await other.workers()).toEqual([]);
});

test("R4: in Amazon ECS the list of workers names the task of each, as its log lines do", async () => {
  vi.stubEnv("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/cd189a933e5849daa93386466019ab50-2495160603");
  const jobs = await connected();
  await jobs.worker({ jobs: [noop] }).start();
  vi.unstubAllEnvs();
  await expect
    .poll(async () => (await jobs.workers()).map(({ task }) => task), { interval: 10 })
    .toEqual(["cd189a933e5849daa93386466019ab50"]);
});

describe("a worker registry that fails never harms the jobs", () => {
  test("they run; it is said once, and again after it worked in between", async () => {
    let broken = true;
    const jobs = await connected(
      withWorkerRegistry((good) => ({
        announce: (...worker) => (broken ? Promise.reject(new Error("disk full")) : good.announce(...worker)),
        withdraw: () => Promise.reject(new Error("disk full")),
      })),
    );
    const unlisted: unknown[] = [];
    jobs.events.on("unlisted", (event) => unlisted.push(event));
    const worker = jobs.worker({ jobs: [noop], heartbeat: 100 });
    const settled = eventOf(jobs, "settled");
    await worker.start();
    await jobs.enqueue(noop, {});
    expect(await settled).toMatchObject({ outcome: "completed" });
    await sleep(350);
    expect(unlisted).toMatchObject([{ worker: worker.id, message: expect.stringContaining("disk full") }]);
    broken = false;
    await expect.poll(() => jobs.workers(), { interval: 10 }).toHaveLength(1);
    broken = true;
    await expect.poll(() => unlisted, { interval: 10 }).toHaveLength(2);
    expect(await worker.stop()).toMatchObject({ completed: 1, unfinished: 0 });
  });

  test("a stop waits half a second at most for one that hangs", async () => {
    const never = () => new Promise<never>(() => {});
    const jobs = await connected(withWorkerRegistry(() => ({ announce: never, withdraw: never })));
    const worker = jobs.worker({ jobs: [noop] });
    await worker.start();
    await sleep(20);
    expect((await worker.stop()).durationMs).toBeLessThan(2_500);
  });
});

test("an announcement under way at the stop does not list the worker afterwards", async () => {
  const store = withWorkerRegistry((good) => ({
    async announce(...worker) {
      await sleep(100);
      return good.announce(...worker);
    },
  }));
  const jobs = await connected(store);
  const worker = jobs.worker({ jobs: [noop] });
  await worker.start();
  await worker.stop();
  await sleep(150);
  expect(await jobs.workers()).toEqual([]);
});

test("what no worker wrote on the worker registry hides no worker", async () => {
  const jobs = await connected(
    withWorkerRegistry((good) => ({
      list: async () => [
        { id: "a", facts: "no JSON", heardMs: 0 },
        { id: "b", facts: "null", heardMs: 0 },
        ...(await good.list()),
      ],
    })),
  );
  const worker = jobs.worker({ jobs: [noop] });
  await worker.start();
  await expect.poll(async () => (await jobs.workers()).map(({ id }) => id)).toEqual([worker.id]);
});

test("where no list can be kept, asking for it is refused with the way out, and workers work", async () => {
  const open = memoryBackend();
  const jobs = await connected(async () => {
    const { workerRegistry: _registry, ledger: _ledger, ...backend } = await open();
    return backend;
  });
  await expect(jobs.workers()).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringMatching(/keeps no list of its workers; give it a ledger/),
  });
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [noop] }).start();
  await jobs.enqueue(noop, {});
  expect(await settled).toMatchObject({ outcome: "completed" });
});

test("a heartbeat too short to be kept is refused", async () => {
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [noop], heartbeat: 50 })).toThrow(/heartbeat is 50 ms: at least 100 ms/);
});
