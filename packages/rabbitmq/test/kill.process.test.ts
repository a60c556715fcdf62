import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, defineJob } from "@waybill/core";
import { type RabbitServer, startRabbit } from "@waybill/test-servers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, freshStore, lease, message } from "./broker.ts";

const child = fileURLToPath(new URL("./children/hold.ts", import.meta.url));

let rabbit: RabbitServer;

beforeAll(async () => {
  rabbit = await startRabbit();
}, 120_000);

afterAll(() => rabbit.stop());

const fresh = async (options: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await freshStore(options, { server: rabbit.url })).url;

/** A process that leases `count` jobs and holds them; resolves once it has them. */
async function holder(url: string, count: number): Promise<ChildProcess> {
  const forked = fork(child, [url, String(count)], { execArgv: ["--conditions=waybill-source"] });
  const [held] = (await once(forked, "message")) as [number];
  expect(held).toBe(count);
  return forked;
}

test("R16: a worker killed in the middle of a job: another has the job within 2 s, 20 times, and each loss is counted", async () => {
  const url = await fresh();
  const backend = await fromUrl(url)(context);
  const [sent] = await backend.enqueue([message()]);
  for (let kill = 0; kill < 20; kill += 1) {
    const forked = await holder(url, 1);
    forked.kill("SIGKILL");
    await once(forked, "exit");
  }
  const startedAt = performance.now();
  const [found] = await lease(backend);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(found).toMatchObject({ id: sent?.ok && sent.value.id, attempt: 1, lost: 20 });
  await backend.close();
});

test("R16: on classic queues the job comes back as well, and its losses are not counted", async () => {
  const url = await fresh({ queueType: "classic" });
  const backend = await fromUrl(url)(context);
  await backend.enqueue([message()]);
  const forked = await holder(url, 1);
  forked.kill("SIGKILL");
  expect(backend.capabilities.countsLost).toBe(false);
  expect((await lease(backend))[0]).toMatchObject({ attempt: 1, lost: 0 });
  await backend.close();
});

test("R16: a worker that is frozen loses its job within its lease and 2 s", async () => {
  const url = await fresh();
  const backend = await fromUrl(url)(context);
  await backend.enqueue([message()]);
  // It holds a lease of 3 s, so its heartbeat is 1 s.
  const forked = await holder(url, 1);
  forked.kill("SIGSTOP");
  const startedAt = performance.now();
  expect(await lease(backend, { waitMs: 10_000 })).toHaveLength(1);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  forked.kill("SIGKILL");
  await backend.close();
});

test("R28: a job that kills its worker lands among the dead letters after as many losses as the worker allows", async () => {
  const url = await fresh();
  const job = defineJob({ type: "poison.pill", handler: () => undefined });
  const jobs = await connect(url, { jobs: [job], log: "off" });
  const { id } = await jobs.enqueue(job, {});
  for (let kill = 0; kill < 3; kill += 1) {
    const forked = await holder(url, 1);
    forked.kill("SIGKILL");
    await once(forked, "exit");
  }
  await jobs.worker({ jobs: [job], maxLost: 3 }).start();
  const letters = (): Promise<unknown> | undefined => jobs.inspector?.deadLetters();
  await expect.poll(letters, { timeout: 10_000 }).toMatchObject([{ id, reason: { code: "WORKER_LOST" } }]);
  await jobs.close();
});

test("R28: past the queue's own delivery limit the broker buries the job, bytes kept, and a replay runs it", async () => {
  const url = await fresh({ deliveryLimit: "2" });
  const backend = await fromUrl(url)(context);
  const sent = message();
  await backend.enqueue([sent]);
  for (let kill = 0; kill < 3; kill += 1) {
    const forked = await holder(url, 1);
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

test("what the broker sent ahead and nobody asked for goes back within a second or so, for others to run", async () => {
  const url = await fresh();
  const greedy = await fromUrl(url)(context);
  const other = await fromUrl(url)(context);
  await other.enqueue([message()]);
  expect(await lease(greedy, { limit: 10 })).toHaveLength(1);
  // Nine more may come to it unasked, and it never asks again.
  await other.enqueue(Array.from({ length: 9 }, () => message()));
  const startedAt = performance.now();
  const found = new Set<string>();
  while (found.size < 9) for (const one of await lease(other, { limit: 10, waitMs: 10_000 })) found.add(one.id);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  await greedy.close();
  await other.close();
});

test("R28: a job held past consumer_timeout is taken back: LEASE_LOST here, delivered again, and the worker goes on", async () => {
  // It is looked at every 300 ms then, instead of every minute.
  await rabbit.ctl(
    "eval",
    "[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 2000}, {channel_tick_interval, 300}]].",
  );
  const backend = await fromUrl(await fresh())(context);
  const sent = message();
  await backend.enqueue([sent]);
  const [held] = await lease(backend);
  if (held === undefined) throw new Error("nothing was leased");
  await expect
    .poll(async () => (await backend.extend([held], 30_000))[0], { timeout: 10_000 })
    .toMatchObject({ ok: false, error: { code: "LEASE_LOST" } });
  await sleep(100);
  const [again] = await lease(backend);
  expect(again).toMatchObject({ id: sent.id, lost: 1 });
  expect(await backend.ack(again ? [again] : [])).toMatchObject([{ ok: true }]);
  await backend.close();
});
