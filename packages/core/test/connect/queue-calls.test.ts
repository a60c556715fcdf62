import { describe, expect, test, vi } from "vitest";
import { connect, connectProducer, defineJob } from "../../src/index.ts";
import type { BackendFactory } from "../../src/exports/backend.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { connected } from "../helpers/connected.ts";

const mail = defineJob({ type: "mail", queue: "mailers", handler() {} });
const other = defineJob({ type: "other", handler() {} });

/** A broker that neither lists its queues nor its workers: it counts those that are named. */
function blind(open = memoryBackend()): BackendFactory {
  return async () => {
    const { workerRegistry: _registry, ledger: _ledger, ...backend } = await open();
    const counts: typeof backend.inspector.counts = async (named = []) =>
      (await backend.inspector.counts()).filter(({ queue }) => named.includes(queue));
    return { ...backend, name: "rabbitmq", inspector: { ...backend.inspector, counts } };
  };
}

const started = async (jobs: Awaited<ReturnType<typeof connected>>, job = other) => {
  const worker = jobs.worker({ jobs: [job], heartbeat: 100 });
  await worker.start();
  await expect.poll(() => jobs.workers(), { interval: 10 }).toHaveLength(1);
  return worker;
};

describe("queuesWithoutWorker", () => {
  test("lists a queue with jobs until a worker leases from it", async () => {
    const jobs = await connected();
    await started(jobs);
    await jobs.enqueue(mail, {});
    expect(await jobs.queuesWithoutWorker()).toEqual([
      { queue: "mailers", ready: 1, oldestWaitMs: expect.any(Number) },
    ]);
    await jobs.worker({ jobs: [mail] }).start();
    await expect.poll(() => jobs.queuesWithoutWorker(), { interval: 10 }).toEqual([]);
  });

  test("lists the queues that a producer declares, in every process, before they have a job", async () => {
    const store = memoryBackend();
    const producer = await connectProducer(store, { log: "off", queues: ["mailers", "reports"] });
    const jobs = await connected(store);
    await expect
      .poll(async () => (await jobs.queuesWithoutWorker()).map(({ queue, ready }) => [queue, ready]), { interval: 10 })
      .toEqual([
        ["mailers", 0],
        ["reports", 0],
      ]);
    await producer.close();
  });

  test("knows a queue that another process used, where the broker cannot list its queues and a ledger is borrowed", async () => {
    const [store, ledger] = [blind(), memoryBackend()];
    const producer = await connect(store, { ledger, log: "off" });
    await producer.enqueue(mail, {});
    await producer.close();
    const jobs = await connected(store, { ledger });
    expect(await jobs.queuesWithoutWorker()).toMatchObject([{ queue: "mailers", ready: 1 }]);
    expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "mailers", ready: 1 }]);
    const alone = await connected(store);
    expect(await alone.inspector?.counts()).toEqual([]);
    await expect(alone.queuesWithoutWorker()).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  });

  test("without a ledger, the queues that a connection declares are counted by it", async () => {
    const store = blind();
    const jobs = await connected(store, { queues: ["mailers"] });
    await jobs.enqueue(mail, {});
    expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "mailers", ready: 1 }]);
  });

  test.each([["mailers"], ["Not A Queue"], [["Not A Queue"]], [[5]]])("refuses queues: %j", async (queues) => {
    await expect(connect("memory:", { queues: queues as never, log: "off" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("queues of the connection"),
    });
  });
});

test("a running worker reports a queue that has had no worker for half a minute, and that it has one again", async () => {
  // A clock that jumps to the next timer: half a minute takes no time.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  vi.setTimerTickMode("nextTimerAsync");
  try {
    const jobs = await connect("memory:", { log: "off" });
    const since = Date.now();
    const without = new Promise<number>((resolve) => {
      jobs.events.on("queue_without_worker", ({ queue, ready, at }) => {
        expect({ queue, ready }).toEqual({ queue: "mailers", ready: 1 });
        resolve(at);
      });
    });
    const again = new Promise<string>((resolve) => jobs.events.on("queue_has_worker", ({ queue }) => resolve(queue)));
    await jobs.enqueue(mail, {});
    await jobs.worker({ jobs: [other] }).start();
    expect((await without) - since).toBeGreaterThan(30_000);
    expect((await without) - since).toBeLessThan(100_000);
    await jobs.worker({ jobs: [mail] }).start();
    expect(await again).toBe("mailers");
    await jobs.close();
  } finally {
    vi.useRealTimers();
  }
});

test("the metric has the jobs of each queue without a worker, and none where workers are not listed", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs);
  await jobs.enqueue(mail, {});
  expect(await metrics.prometheus()).toContain('waybill_jobs_without_worker{queue="mailers"} 1\n');
  await started(jobs, mail);
  await expect
    .poll(() => metrics.prometheus(), { interval: 10 })
    .not.toContain('waybill_jobs_without_worker{queue="mailers"}');
  const blindMetrics = jobMetrics(await connected(blind(), { queues: ["mailers"] }));
  const scrape = await blindMetrics.prometheus();
  expect(scrape).toContain("waybill_backend_up 1");
  expect(scrape).not.toContain("waybill_jobs_without_worker");
});
