import { connect, defineJob, isWaybillError, type Jobs } from "@waybill/core";
import { expect, onTestFinished, test } from "vitest";
import { fromUrl } from "../../src/index.ts";
import { freshPrefix, redisClient, redisUrl, removePrefix } from "../redis.ts";

const ran: unknown[] = [];
const job = defineJob({ type: "test.replicated", handler: (payload) => void ran.push(payload) });

/** A connection that waits for a replica, to a Redis that has none. */
async function connected(replicaWaitMs: number): Promise<Jobs> {
  const prefix = freshPrefix();
  const url = `${await redisUrl()}?prefix=${prefix}&ack=replicated&replicaWaitMs=${replicaWaitMs}`;
  const jobs = await connect(fromUrl(url), { log: "off" });
  onTestFinished(async () => {
    await jobs.close();
    await removePrefix(prefix);
  });
  return jobs;
}

test("without a replica each job is NOT_REPLICATED with its id, and runs once though it is enqueued again", async () => {
  const jobs = await connected(20);
  const error = await jobs.enqueue(job, 1).catch((thrown: unknown) => thrown);
  if (!isWaybillError(error, "NOT_REPLICATED")) throw error;
  expect(error.message).toMatch(/is stored on the primary and may run.*0 of 1 replicas.*enqueue it again with that id/);
  for (const payload of [1, 2]) {
    await expect(jobs.enqueue(job, payload, { id: error.id })).rejects.toMatchObject({ code: "NOT_REPLICATED" });
  }
  await jobs.worker({ jobs: [job] }).start();
  await expect.poll(() => ran).toEqual([1]);
});

test("enqueueMany counts them as unknown, and a refusal by the store stays a refusal", async () => {
  const jobs = await connected(20);
  const items = Array.from({ length: 60 }, (_, n) => ({ job, payload: n }));
  expect(await jobs.enqueueMany(items, () => undefined)).toEqual({ stored: 0, notStored: 0, unknown: 60 });
  const unique = { key: "shop", until: "end", onConflict: "reject" } as const;
  const [first, second] = await jobs.enqueueMany([
    { job, payload: 1, options: { unique } },
    { job, payload: 2, options: { unique } },
  ]);
  expect([first, second]).toMatchObject([{ error: { code: "NOT_REPLICATED" } }, { error: { code: "DUPLICATE_JOB" } }]);
});

test("a connection that breaks while replicas are waited for leaves the job unknown, and a worker's calls do not wait", async () => {
  const jobs = await connected(20_000);
  const sent = jobs.enqueue(job, 3).catch((thrown: unknown) => thrown);
  const admin = await redisClient();
  const waiting = async (): Promise<string | undefined> =>
    /^id=(\d+) .*cmd=wait\b/m.exec((await admin.client("LIST")) as string)?.[1];
  await expect.poll(waiting, { timeout: 5_000 }).toBeDefined();
  expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 1 }]);
  await admin.client("KILL", "ID", (await waiting()) ?? "");
  expect(await sent).toMatchObject({ code: "ENQUEUE_UNKNOWN" });
});
