import { connect, defineJob, type Jobs } from "@waybill/core";
import { ENDED_BY_ANOTHER, endedByAnother, runLimitedAndScheduled } from "@waybill/test-servers/features";
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
  const both = [await connected(prefix), await connected(prefix)] as const;
  const { doubles, ticks } = await runLimitedAndScheduled(both, 12);
  expect(doubles).toEqual([]);
  expect(new Set(ticks).size).toBe(ticks.length);
});

test("a wait ends as JOB_CANCELLED or JOB_DEAD when another connection cancels the job or drops its dead letter", async () => {
  const prefix = freshPrefix();
  expect(await endedByAnother(await connected(prefix), await connected(prefix))).toEqual(ENDED_BY_ANOTHER);
});
