import { once } from "node:events";
import { expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { connected, memoryWith, settledCount } from "../helpers/connected.ts";

const quick = defineJob({ type: "quick", handler() {} });

/** Runs 1,000 quick jobs, and returns the most jobs that were leased at once. */
async function mostLeased(prefetch: number | undefined): Promise<number> {
  let [out, most] = [0, 0];
  const counting = memoryWith((memory) => ({
    async lease(call) {
      const leases = await memory.lease(call);
      most = Math.max(most, (out += leases.length));
      return leases;
    },
    async ack(leases) {
      // A store takes its time.
      await new Promise((resolve) => setTimeout(resolve, 1));
      const results = await memory.ack(leases);
      out -= leases.length;
      return results;
    },
  }));
  const jobs = await connected(counting);
  const all = settledCount(jobs, 1_000);
  for (let n = 0; n < 1_000; n++) await jobs.enqueue(quick, {});
  await jobs.worker({ jobs: [quick], concurrency: 5, ...(prefetch !== undefined && { prefetch }) }).start();
  await all;
  return most;
}

test("with a prefetch of 0, no more jobs are leased than may run at once", async () => {
  expect(await mostLeased(0)).toBe(5);
});

test("quick jobs are leased ahead, up to the option, and as many are settled behind", async () => {
  const most = await mostLeased(20);
  expect(most).toBeGreaterThan(5);
  expect(most).toBeLessThanOrEqual(5 + 20 + 20);
});

test("a job that is released without having run does not count as a quick one: nothing is leased ahead of slow jobs", async () => {
  const most = { leased: 0 };
  const counting = memoryWith((memory) => ({
    async lease(call) {
      const leases = await memory.lease(call);
      most.leased = Math.max(most.leased, leases.length);
      return leases;
    },
  }));
  const long = defineJob({ type: "long", handler: async (_, job) => void (await once(job.signal, "abort")) });
  const jobs = await connected(counting);
  const released = settledCount(jobs, 50);
  for (let n = 0; n < 50; n++) await jobs.enqueue("unknown", {});
  await jobs.worker({ jobs: [long], concurrency: 2, shutdown: { drain: 0, abort: "50ms" } }).start();
  await released;
  await jobs.enqueueMany(Array.from({ length: 20 }, () => ({ job: long, payload: {} })));
  await expect.poll(async () => (await jobs.inspector?.counts())?.[0]).toMatchObject({ leased: 2, ready: 18 });
  expect(most.leased).toBe(2);
});

test.each([-1, 1.5, Number.NaN])("prefetch %s is refused when the worker is made", async (prefetch) => {
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [quick], prefetch })).toThrow(`prefetch is ${prefetch}: a whole number from 0`);
});
