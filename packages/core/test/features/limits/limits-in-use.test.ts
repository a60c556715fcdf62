import { connect, defineJob, type Jobs } from "@waybill/core";
import { memoryBackend, type MemoryOptions } from "@waybill/core/memory";
import { afterEach, describe, expect, test } from "vitest";

const WAIT = { timeout: 20_000, interval: 20 };
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** A connection whose jobs run until they are let go. */
async function working(options: MemoryOptions, queues: readonly (string | { name: string; concurrency: number })[]) {
  const jobs: Jobs = await connect(memoryBackend(options), { log: "off" });
  open.push(() => jobs.close());
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const sync = defineJob({
    type: "account.sync",
    queue: "sync",
    limits: [{ name: "account", key: ({ account }: { readonly account: string }) => account, concurrency: 2 }],
    handler: () => held,
  });
  const call = defineJob({
    type: "partner.call",
    queue: "calls",
    limits: [{ name: "partner", rate: "1/10m" }],
    handler: () => undefined,
  });
  const worker = jobs.worker({ jobs: [sync, call], queues: queues as never, concurrency: 10, heartbeat: "100ms" });
  open.push(async () => letGo());
  await worker.start();
  return { jobs, sync, call, worker };
}

describe.each([
  ["a backend that counts leases by key", {}],
  ["a backend whose limits are in the ledger", { capabilities: { keyConcurrency: false } }],
] as const)("the limits in use, on %s", (_, options) => {
  test("name each key, its slots, the jobs and workers that have them since when, and how many jobs wait", async () => {
    const { jobs, sync, worker } = await working(options, ["sync"]);
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) ids.push((await jobs.enqueue(sync, { account: "a/1" })).id);
    ids.push((await jobs.enqueue(sync, { account: "b" })).id);
    const keys = async () => (await jobs.limitsInUse()).limits;
    const full = expect.objectContaining({
      limit: "account",
      key: "a/1",
      most: 2,
      taken: 2,
      waiting: 3,
      freeInMs: null,
    });
    const free = expect.objectContaining({ key: "b", taken: 1, waiting: 0 });
    await expect.poll(keys, WAIT).toEqual([full, free]);
    await expect
      .poll(async () => (await keys())[0]?.jobs.map(({ worker: by }) => by), WAIT)
      .toEqual([worker.id, worker.id]);
    const [first] = await keys();
    for (const { id, since } of first?.jobs ?? []) {
      expect(ids).toContain(id);
      expect(Math.abs(Date.now() - (since ?? 0))).toBeLessThan(60_000);
    }
  });
});

test("a rate that is used up says when its next start is free, and how many jobs wait", async () => {
  const { jobs, call } = await working({}, ["calls"]);
  for (let at = 0; at < 3; at++) await jobs.enqueue(call, {});
  await jobs.enqueue(call, {}, { delay: "1h" });
  await expect
    .poll(async () => (await jobs.limitsInUse()).limits, WAIT)
    .toEqual([
      expect.objectContaining({ kind: "rate", limit: "partner", key: "all", most: null, taken: 0, waiting: 2 }),
    ]);
  const { limits, isCut } = await jobs.limitsInUse();
  expect(limits[0]?.freeInMs).toBeGreaterThan(500_000);
  expect(isCut).toBe(false);
});

test("where no limit is in use there is none", async () => {
  const { jobs } = await working({}, ["sync"]);
  expect(await jobs.limitsInUse()).toEqual({ limits: [], isCut: false });
});
