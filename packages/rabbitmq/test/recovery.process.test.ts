import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, type Jobs } from "@waybill/core";
import type { InspectableBackend } from "@waybill/core/backend";
import { type Proxy, type RabbitServer, startProxy, startRabbit } from "@waybill/test-servers";
import { connect as dial } from "amqplib";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, freshStore, lease, message } from "./fixture.ts";

let rabbit: RabbitServer;
let proxy: Proxy;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  rabbit = await startRabbit();
  proxy = await startProxy(rabbit);
}, 120_000);

afterEach(async () => {
  proxy.heal();
  rabbit.thaw();
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

afterAll(async () => {
  await proxy.close();
  await rabbit.stop();
});

/** Returns a URL through the proxy, which can cut connections, or directly to the broker. */
async function urlOf(wire: "proxy" | "direct", options: Readonly<Record<string, string>> = {}): Promise<string> {
  const { url } = await freshStore(options, { server: rabbit.url });
  return wire === "proxy" ? proxy.url(url) : url;
}

async function open(url: string): Promise<InspectableBackend> {
  const backend = await fromUrl(url)(context);
  opened.push(backend);
  return backend;
}

/** Enqueues and runs jobs until `forMs` after `trouble`. Returns the accepted ids and how many jobs ran more than once. */
async function underLoad(url: string, forMs: number, trouble: () => Promise<unknown>) {
  const runs = new Map<string, number>();
  const job = defineJob({
    type: "load.tick",
    async handler(_, { id }) {
      await sleep(5);
      runs.set(id, (runs.get(id) ?? 0) + 1);
    },
  });
  const jobs = await connect(url, { jobs: [job], log: "off" });
  opened.push(jobs);
  await jobs.worker({ jobs: [job], concurrency: 10 }).start();
  const accepted: string[] = [];
  const over = new AbortController();
  const produce = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await jobs.enqueue(job, {}).then(
        ({ id }) => accepted.push(id),
        () => sleep(50),
      );
      await sleep(10);
    }
  };
  const producers = [produce(), produce(), produce(), produce()];
  await sleep(500);
  const before = accepted.length;
  await trouble();
  const healedAt = performance.now();
  await expect.poll(() => accepted.length, { timeout: 15_000 }).toBeGreaterThan(before + 8);
  await sleep(Math.max(0, forMs - (performance.now() - healedAt)));
  over.abort();
  await Promise.all(producers);
  await expect.poll(() => accepted.filter((id) => !runs.has(id)), { timeout: 15_000 }).toEqual([]);
  const twice = [...runs.values()].filter((count) => count > 1).length;
  return { accepted, twice };
}

test("R29: when the broker's application stops for 5 s under load, no accepted job is lost and the worker resumes", async () => {
  const { accepted, twice } = await underLoad(await urlOf("direct"), 1_000, async () => {
    await rabbit.ctl("stop_app");
    await sleep(5_000);
    await rabbit.ctl("start_app");
  });
  expect(accepted.length).toBeGreaterThan(50);
  // At most the jobs in flight: 10 running, 10 prefetched, 4 being enqueued.
  expect(twice).toBeLessThanOrEqual(24);
});

test("when the connection is cut for 10 s under load, no accepted job is lost and the worker resumes", async () => {
  const { twice } = await underLoad(await urlOf("proxy"), 1_000, async () => {
    proxy.cut();
    await sleep(10_000);
    proxy.heal();
  });
  expect(twice).toBeLessThanOrEqual(24);
});

test.each(["quorum", "classic"])(
  "R27: all of 1,000 confirmed jobs on %s queues survive a restart of the broker",
  async (queueType) => {
    const url = await urlOf("direct", { queueType });
    const before = await open(url);
    const sent = Array.from({ length: 1_000 }, () => message());
    const results = await before.enqueue(sent);
    expect(results.filter((result) => !result.ok)).toEqual([]);
    await rabbit.restart();
    const after = await open(url);
    const found = new Set<string>();
    while (found.size < sent.length) {
      const leases = await lease(after, { limit: 100, waitMs: 10_000 });
      expect(leases.length).toBeGreaterThan(0);
      for (const one of leases) found.add(one.id);
      await after.ack(leases);
    }
  },
);

test("a queue that is deleted under a running worker is declared again, and later jobs run", async () => {
  const url = await urlOf("direct");
  const prefix = new URL(url).searchParams.get("prefix") ?? "";
  const ran: number[] = [];
  const job = defineJob({ type: "late.comer", handler: (payload) => void ran.push((payload as { n: number }).n) });
  const jobs: Jobs = await connect(url, { jobs: [job], log: "off" });
  opened.push(jobs);
  await jobs.worker({ jobs: [job] }).start();
  await jobs.enqueue(job, { n: 1 });
  await expect.poll(() => ran).toEqual([1]);
  const connection = await dial(rabbit.url);
  const channel = await connection.createChannel();
  await channel.deleteQueue(`${prefix}.default`);
  // A message sent during the deletion is confirmed by the broker and deleted with the queue.
  await sleep(500);
  expect((await channel.checkQueue(`${prefix}.default`)).consumerCount).toBeGreaterThan(0);
  await connection.close();
  await jobs.enqueue(job, { n: 2 });
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([1, 2]);
});

test("deleted exchanges and a deleted dead-letter queue are declared again", async () => {
  const url = await urlOf("direct");
  const prefix = new URL(url).searchParams.get("prefix") ?? "";
  const backend = await open(url);
  await backend.enqueue([message({ delayMs: 100 })]);
  const [leased] = await lease(backend);
  if (leased === undefined) throw new Error("nothing was leased");
  const connection = await dial(rabbit.url);
  const channel = await connection.createChannel();
  await channel.deleteQueue(`${prefix}:dead`);
  await channel.deleteExchange(`${prefix}:level-100ms`);
  await connection.close();
  await sleep(300);
  await backend.deadLetter(leased, { code: "TEST", message: "to a queue that is gone" });
  expect(await backend.inspector.deadLetters()).toMatchObject([{ id: leased.id }]);
  // The first call fails, since its message may not be stored; the next one succeeds.
  await expect
    .poll(async () => (await backend.enqueue([message({ delayMs: 100 })]))[0]?.ok, { timeout: 5_000 })
    .toBe(true);
  expect(await lease(backend)).toHaveLength(1);
});

test("a lost connection ends its leases: any late settle is LEASE_LOST, and another worker gets the job", async () => {
  const url = await urlOf("proxy");
  const cutOff = await open(url);
  await cutOff.enqueue([message()]);
  const [leased] = await lease(cutOff);
  if (leased === undefined) throw new Error("nothing was leased");
  proxy.cut();
  await expect
    .poll(async () => (await cutOff.extend([leased], 30_000))[0], { timeout: 5_000 })
    .toMatchObject({ ok: false, error: { code: "LEASE_LOST" } });
  const other = await open(url.replace(`:${proxy.port}`, `:${rabbit.port}`));
  const [again] = await lease(other);
  expect(again).toMatchObject({ id: leased.id, attempt: 1, lost: 1 });
  expect(await cutOff.ack([leased])).toMatchObject([{ ok: false, error: { code: "LEASE_LOST" } }]);
  await expect(cutOff.retry(leased, { delayMs: 0, countsAttempt: true })).rejects.toMatchObject({ code: "LEASE_LOST" });
  const reason = { code: "TEST", message: "too late" };
  await expect(cutOff.deadLetter(leased, reason)).rejects.toMatchObject({ code: "LEASE_LOST" });
});

test("a lost connection aborts the handlers of its jobs", async () => {
  const url = await urlOf("proxy");
  const reasons: unknown[] = [];
  const job = defineJob({
    type: "long.one",
    handler: (_, { signal }) =>
      new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          reasons.push((signal.reason as { code?: string }).code);
          resolve();
        });
      }),
  });
  const jobs = await connect(url, { jobs: [job], log: "off" });
  opened.push(jobs);
  const worker = jobs.worker({ jobs: [job], lease: "3s" });
  const started = new Promise((resolve) => jobs.events.on("started", resolve));
  await worker.start();
  await jobs.enqueue(job, {});
  await started;
  proxy.cut();
  await expect.poll(() => reasons, { timeout: 4_000 }).toEqual(["LEASE_LOST"]);
});

test("enqueue rejects within its timeout while the broker is down, and works when it is back", async () => {
  const url = await urlOf("proxy", { confirmTimeoutMs: "1500" });
  const backend = await open(url);
  for (const how of ["reset", "silence"] as const) {
    proxy.cut(how);
    const startedAt = performance.now();
    const [result] = await backend.enqueue([message()]);
    expect(result).toMatchObject({ ok: false, error: { code: "BACKEND_UNAVAILABLE" } });
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    proxy.heal();
    await expect.poll(async () => (await backend.enqueue([message()]))[0]?.ok, { timeout: 15_000 }).toBe(true);
  }
});

test("during a memory alarm enqueue rejects with the broker's reason and acks work; after it both work", async () => {
  const backend = await open(await urlOf("direct", { confirmTimeoutMs: "1500" }));
  await backend.enqueue([message(), message()]);
  const leases = await lease(backend, { limit: 2 });
  await rabbit.ctl("set_vm_memory_high_watermark", "0.000001");
  try {
    await backend.enqueue([message()]);
    const [result] = await backend.enqueue([message()]);
    expect(result).toMatchObject({ ok: false, error: { code: "BACKEND_UNAVAILABLE" } });
    expect(result?.ok === false && result.error.message).toMatch(/accepts no messages at present \(low on memory\)/);
    expect(await backend.ack(leases)).toMatchObject([{ ok: true }, { ok: true }]);
  } finally {
    await rabbit.ctl("set_vm_memory_high_watermark", "0.4");
  }
  await expect.poll(async () => (await backend.enqueue([message()]))[0]?.ok, { timeout: 10_000 }).toBe(true);
});

test("messages acked right before a close are not delivered again, however many", async () => {
  const url = await urlOf("direct");
  for (let round = 0; round < 5; round += 1) {
    const backend = await fromUrl(url)(context);
    await backend.enqueue(Array.from({ length: 3_000 }, () => message()));
    // The first call lets the broker send a thousand; each is acked as it arrives.
    for (let left = 3_000; left > 0;) {
      const leases = await lease(backend, { limit: 1_000 });
      left -= leases.length;
      for (const one of leases) await backend.ack([one]);
    }
    await backend.close();
  }
  const after = await open(url);
  expect(await lease(after, { limit: 1_000, waitMs: 2_000 })).toEqual([]);
});

test("close returns within its deadline while the broker is frozen and calls are in flight", async () => {
  const backend = await fromUrl(await urlOf("direct"))(context);
  await backend.enqueue([message()]);
  await lease(backend);
  const waiting = lease(backend, { waitMs: 30_000 });
  rabbit.freeze();
  const enqueueing = backend.enqueue([message()]);
  const startedAt = performance.now();
  await backend.close();
  expect(performance.now() - startedAt).toBeLessThan(2_800);
  expect(await waiting).toEqual([]);
  expect((await enqueueing)[0]?.ok).toBe(false);
});

test("a lease call that starts while the previous subscription ends gets the next message", async () => {
  const { url } = await freshStore({}, { server: rabbit.url });
  const [direct, backend] = [await open(url), await open(proxy.url(url))];
  expect(await lease(backend, { limit: 2, waitMs: 50 })).toEqual([]);
  proxy.cut("silence");
  // Unused subscriptions end after a second.
  await sleep(1_200);
  const asked = lease(backend, { waitMs: 4_000 });
  proxy.heal();
  // Its reply comes after the subscription has ended.
  await lease(backend, { queue: "other", waitMs: 0 });
  await sleep(100);
  const sent = message();
  await direct.enqueue([sent]);
  const leases = await asked;
  expect(leases.map(({ id }) => id)).toEqual([sent.id]);
  await backend.ack(leases);
});
