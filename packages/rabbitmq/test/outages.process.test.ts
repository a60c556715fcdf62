import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, lease, message } from "./fixture.ts";
import { open, opened, proxy, rabbit, urlOf } from "./own-broker.ts";

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
