import { connect, defineJob, defineSchedule, type Jobs } from "@waybill/core";
import { expect, onTestFinished, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { freshPrefix, redisClient, redisUrl } from "./redis.ts";

async function connected(prefix: string): Promise<Jobs> {
  const jobs = await connect(fromUrl(`${await redisUrl()}?prefix=${prefix}`), { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

test("a unique job of a definition, and one that redis-cli pushes, are refused while the first waits", async () => {
  const prefix = freshPrefix();
  const jobs = await connected(prefix);
  const ran: unknown[] = [];
  const sync = defineJob<{ shop: string }>({
    type: "shop.sync",
    unique: { by: ({ shop }) => shop },
    handler: (payload) => void ran.push(payload),
  });
  const first = await jobs.enqueue(sync, { shop: "7" }, { delay: "2s" });
  await expect(jobs.enqueue(sync, { shop: "7" })).rejects.toMatchObject({
    code: "DUPLICATE_JOB",
    duplicateOf: first.id,
  });
  const redis = await redisClient();
  const id = crypto.randomUUID();
  const dedupe = { key: "7" };
  await redis.lpush(
    `${prefix}:inbox:default`,
    JSON.stringify({ spec: "waybill/1", id, type: "shop.sync", args: [{ shop: "7" }], dedupe }),
  );
  await jobs.worker({ jobs: [sync] }).start();
  await expect
    .poll(() => jobs.inspector?.deadLetters(), { timeout: 10_000 })
    .toMatchObject([{ reason: { code: "DUPLICATE_JOB" } }]);
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([{ shop: "7" }]);
  expect(await jobs.enqueue(sync, { shop: "7" })).toMatchObject({ stored: true });
});

test("concurrency by key, and a schedule, are kept in the ledger of Redis by two workers", async () => {
  const prefix = freshPrefix();
  const all = [await connected(prefix), await connected(prefix)];
  const running = new Set<string>();
  const ran: string[] = [];
  const doubles: string[] = [];
  const sync = defineJob<{ account: string }>({
    type: "crm.sync",
    limits: [{ key: ({ account }) => account, concurrency: 1 }],
    async handler({ account }) {
      if (running.has(account)) doubles.push(account);
      running.add(account);
      await new Promise((resolve) => setTimeout(resolve, 30));
      running.delete(account);
      ran.push(account);
    },
  });
  const ticks: string[] = [];
  const tick = defineJob({ type: "tick", handler: (_, { id }) => void ticks.push(id) });
  const schedules = [defineSchedule({ name: "ticks", job: tick, payload: {}, every: "1s" })];
  for (const jobs of all) await jobs.worker({ jobs: [sync, tick], schedules, concurrency: 5 }).start();
  for (let at = 0; at < 12; at += 1) await all[at % 2]?.enqueue(sync, { account: `a${at % 2}` });
  await expect.poll(() => ran.length, { timeout: 25_000 }).toBe(12);
  expect(doubles).toEqual([]);
  await expect.poll(() => ticks.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(2);
  expect(new Set(ticks).size).toBe(ticks.length);
});
