import { connect, defineJob } from "@waybill/core";
import { Queue } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { bullmqBackend, fromUrl } from "../../src/index.ts";
import { context, freshPrefix, lease, message, open, redisClient, redisUrl } from "../redis.ts";

async function bullmqQueue(prefix: string, name = "default"): Promise<Queue> {
  const queue = new Queue(name, { connection: await redisClient(), prefix });
  onTestFinished(() => queue.close());
  return queue;
}

test("BullMQ's own tools see our jobs in every state, by type and by the envelope's id", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const [dead, waiting, delayed] = [message(), message({ type: "mail.send" }), message({ delayMs: 60_000 })];
  await backend.enqueue([dead]);
  const [leased] = await lease(backend);
  expect(leased).toBeDefined();
  if (leased) await backend.deadLetter(leased, { code: "ATTEMPTS_EXHAUSTED", message: "no route to host" });
  await backend.enqueue([waiting, delayed]);
  const queue = await bullmqQueue(prefix);
  expect(await queue.getJobCounts("prioritized", "delayed", "failed")).toEqual({
    prioritized: 1,
    delayed: 1,
    failed: 1,
  });
  expect(await queue.getJob(waiting.id)).toMatchObject({ name: "mail.send", data: { envelope: waiting.body } });
  expect((await queue.getJob(dead.id))?.failedReason).toBe("ATTEMPTS_EXHAUSTED: no route to host");
});

test("a job that BullMQ's own tools retry is leased again", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const sent = message();
  await backend.enqueue([sent]);
  const [leased] = await lease(backend);
  if (leased) await backend.deadLetter(leased, { code: "TEST", message: "to be retried" });
  await (await (await bullmqQueue(prefix)).getJob(sent.id))?.retry();
  expect(await lease(backend)).toMatchObject([{ id: sent.id, body: sent.body }]);
});

test("a job that another program added through BullMQ is dead-lettered, its data untouched", async () => {
  const prefix = freshPrefix();
  const queue = await bullmqQueue(prefix);
  const foreign = await queue.add("send-mail", { to: "ada@example.com" });
  const jobs = await connect(fromUrl(`${await redisUrl()}?prefix=${prefix}`), { log: "off" });
  onTestFinished(() => jobs.close());
  const ran: unknown[] = [];
  const noop = defineJob({ type: "test.noop", handler: (payload) => void ran.push(payload) });
  await jobs.worker({ jobs: [noop] }).start();
  await expect.poll(() => queue.getFailedCount(), { timeout: 10_000 }).toBe(1);
  expect((await queue.getJob(foreign.id ?? ""))?.data).toEqual({ to: "ada@example.com" });
  expect(await jobs.inspector?.deadLetters()).toMatchObject([{ id: foreign.id, body: '{"to":"ada@example.com"}' }]);
  await jobs.enqueue(noop, { after: true });
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([{ after: true }]);
});

test("the user's own client is neither used nor closed", async () => {
  const client = await redisClient();
  const backend = await bullmqBackend({ client, prefix: freshPrefix() })(context);
  await backend.enqueue([message()]);
  expect(await lease(backend)).toHaveLength(1);
  await backend.close();
  expect(await client.ping()).toBe("PONG");
});

test("calls for leases of two lengths wait for one queue, and both return at once when there are jobs", async () => {
  const backend = await open({ prefix: freshPrefix() });
  await backend.enqueue([message(), message()]);
  const since = performance.now();
  const calls = [30_000, 60_000].map((leaseMs) => lease(backend, { leaseMs, waitMs: 5_000 }));
  expect((await Promise.all(calls)).map(({ length }) => length)).toEqual([1, 1]);
  expect(performance.now() - since).toBeLessThan(2_500);
});
