import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, type Jobs } from "@waybill/core";
import { connect as dial } from "amqplib";
import { expect, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, freshStore, lease, message } from "./fixture.ts";
import { open, opened, proxy, rabbit, urlOf } from "./own-broker.ts";

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

test.each([
  ["memory", ["set_vm_memory_high_watermark", "0.000001"], ["set_vm_memory_high_watermark", "0.4"]],
  ["disk", ["set_disk_free_limit", "100000GB"], ["set_disk_free_limit", "1MB"]],
])(
  "low on %s, enqueue rejects long before its timeout with the broker's reason and acks work; then both work",
  async (what, raise, end) => {
    const backend = await open(await urlOf("direct", { confirmTimeoutMs: "600000" }));
    await backend.enqueue([message(), message()]);
    const leases = await lease(backend, { limit: 2 });
    await rabbit.ctl(...raise);
    const says = expect.stringContaining(`accepts no messages at present (low on ${what})`);
    try {
      // The broker reports the alarm at the next message, which it may or may not store.
      expect(await backend.enqueue([message()])).toMatchObject([{ ok: false, error: { message: says } }]);
      const refused = { ok: false, error: { code: "BACKEND_FULL", message: says } };
      expect(await backend.enqueue([message()])).toMatchObject([refused]);
      expect(await backend.ack(leases)).toMatchObject([{ ok: true }, { ok: true }]);
    } finally {
      await rabbit.ctl(...end);
    }
    await expect.poll(async () => (await backend.enqueue([message()]))[0]?.ok, { timeout: 60_000 }).toBe(true);
  },
);

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
