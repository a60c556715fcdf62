import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, defineJob } from "@waybill/core";
import { type RabbitServer, startRabbit } from "@waybill/test-servers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, freshStore, lease, message } from "./fixture.ts";

const child = fileURLToPath(new URL("./children/lease-and-wait.ts", import.meta.url));

let rabbit: RabbitServer;

beforeAll(async () => {
  rabbit = await startRabbit();
}, 120_000);

afterAll(() => rabbit.stop());

const fresh = async (options: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await freshStore(options, { server: rabbit.url })).url;

/** Starts a process that leases `count` jobs and does not settle them. Resolves once it has them. */
async function startLeasing(url: string, count: number): Promise<ChildProcess> {
  const forked = fork(child, [url, String(count)], { execArgv: ["--conditions=waybill-source"] });
  const ended = once(forked, "exit").then(([code]) => {
    throw new Error(`the process ended with ${String(code)} before it had its jobs`);
  });
  ended.catch(() => undefined);
  const [leased] = (await Promise.race([once(forked, "message"), ended])) as [number];
  expect(leased).toBe(count);
  return forked;
}

test("R16: the job of a killed worker is leased by another within 2 s, 20 times, and each loss is counted", async () => {
  const url = await fresh();
  const backend = await fromUrl(url)(context);
  const [sent] = await backend.enqueue([message()]);
  for (let kill = 0; kill < 20; kill += 1) {
    const forked = await startLeasing(url, 1);
    forked.kill("SIGKILL");
    await once(forked, "exit");
  }
  const startedAt = performance.now();
  const [found] = await lease(backend);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(found).toMatchObject({ id: sent?.ok && sent.value.id, attempt: 1, lost: 20 });
  await backend.close();
});

test("R16: on classic queues the job is delivered again as well, and its losses are not counted", async () => {
  const url = await fresh({ queueType: "classic" });
  const backend = await fromUrl(url)(context);
  await backend.enqueue([message()]);
  const forked = await startLeasing(url, 1);
  forked.kill("SIGKILL");
  expect(backend.capabilities.countsLost).toBe(false);
  const [found] = await lease(backend);
  expect(found).toMatchObject({ attempt: 1, lost: 0, redelivered: true });
  if (found) await backend.retry(found, { delayMs: 0, countsAttempt: false });
  expect((await lease(backend))[0]).not.toHaveProperty("redelivered");
  await backend.close();
});

test("R16: a worker that is frozen loses its job within its lease and 2 s", async () => {
  const url = await fresh();
  const backend = await fromUrl(url)(context);
  await backend.enqueue([message()]);
  // Its lease is 3 s, so its heartbeat is 1 s.
  const forked = await startLeasing(url, 1);
  forked.kill("SIGSTOP");
  const startedAt = performance.now();
  expect(await lease(backend, { waitMs: 10_000 })).toHaveLength(1);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  forked.kill("SIGKILL");
  await backend.close();
});

test("R28: a job that kills its workers is dead-lettered after as many losses as the worker allows", async () => {
  const url = await fresh();
  const job = defineJob({ type: "poison.pill", handler: () => undefined });
  const jobs = await connect(url, { jobs: [job], log: "off" });
  const { id } = await jobs.enqueue(job, {});
  for (let kill = 0; kill < 3; kill += 1) {
    const forked = await startLeasing(url, 1);
    forked.kill("SIGKILL");
    await once(forked, "exit");
  }
  await jobs.worker({ jobs: [job], maxLost: 3 }).start();
  const letters = (): Promise<unknown> | undefined => jobs.inspector?.deadLetters();
  await expect.poll(letters, { timeout: 10_000 }).toMatchObject([{ id, reason: { code: "WORKER_LOST" } }]);
  await jobs.close();
});

test("R28: past the queue's delivery limit the broker dead-letters the job with its bytes, and a replay runs it", async () => {
  const url = await fresh({ deliveryLimit: "2" });
  const backend = await fromUrl(url)(context);
  const sent = message();
  await backend.enqueue([sent]);
  for (let kill = 0; kill < 3; kill += 1) {
    const forked = await startLeasing(url, 1);
    forked.kill("SIGKILL");
    await once(forked, "exit");
  }
  const letters = () => backend.inspector.deadLetters();
  await expect
    .poll(letters, { timeout: 10_000 })
    .toMatchObject([
      { id: sent.id, type: sent.type, queue: "default", body: sent.body, reason: { code: "WORKER_LOST" } },
    ]);
  expect(Math.abs(Date.now() - ((await letters())[0]?.diedAt ?? 0))).toBeLessThan(15_000);
  expect(await backend.inspector.replay()).toBe(1);
  expect((await lease(backend))[0]).toMatchObject({ id: sent.id, body: sent.body, attempt: 1, lost: 0 });
  await backend.close();
});

test("messages that the broker delivered and no call asked for are released within about a second", async () => {
  const url = await fresh();
  const greedy = await fromUrl(url)(context);
  const other = await fromUrl(url)(context);
  await other.enqueue([message()]);
  expect(await lease(greedy, { limit: 10 })).toHaveLength(1);
  // The broker may send it nine more, and it never calls `lease` again.
  await other.enqueue(Array.from({ length: 9 }, () => message()));
  const startedAt = performance.now();
  const found = new Set<string>();
  while (found.size < 9) for (const one of await lease(other, { limit: 10, waitMs: 10_000 })) found.add(one.id);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  await greedy.close();
  await other.close();
});

test("R28: a job that runs past consumer_timeout is LEASE_LOST and delivered again, and the worker continues", async () => {
  // The broker then checks every 300 ms instead of every minute.
  await rabbit.ctl(
    "eval",
    "[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 2000}, {channel_tick_interval, 300}]].",
  );
  const backend = await fromUrl(await fresh())(context);
  const sent = message();
  await backend.enqueue([sent]);
  const [leased] = await lease(backend);
  if (leased === undefined) throw new Error("nothing was leased");
  await expect
    .poll(async () => (await backend.extend([leased], 30_000))[0], { timeout: 10_000 })
    .toMatchObject({ ok: false, error: { code: "LEASE_LOST" } });
  await sleep(100);
  const [again] = await lease(backend);
  expect(again).toMatchObject({ id: sent.id, lost: 1 });
  expect(await backend.ack(again ? [again] : [])).toMatchObject([{ ok: true }]);
  await backend.close();
});
