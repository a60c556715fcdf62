import { expect, test } from "vitest";
import { defineJob } from "../src/index.ts";
import { connected, memoryWith, settledCount } from "./connected.ts";

const quick = defineJob({ type: "quick", handler() {} });

/** Runs 1,000 quick jobs, and answers the most leases that were out at once. */
async function mostLeased(fetchAhead: number | undefined): Promise<number> {
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
      const answers = await memory.ack(leases);
      out -= leases.length;
      return answers;
    },
  }));
  const jobs = await connected(counting);
  const all = settledCount(jobs, 1_000);
  for (let n = 0; n < 1_000; n++) await jobs.enqueue(quick, {});
  await jobs.worker({ jobs: [quick], concurrency: 5, ...(fetchAhead !== undefined && { fetchAhead }) }).start();
  await all;
  return most;
}

test("with nothing fetched ahead, no more leases are out than may run at once", async () => {
  expect(await mostLeased(0)).toBe(5);
});

test("as told, quick jobs are leased ahead, and as many are settled behind", async () => {
  const most = await mostLeased(20);
  expect(most).toBeGreaterThan(5);
  expect(most).toBeLessThanOrEqual(5 + 20 + 20);
});

test.each([-1, 1.5, Number.NaN])("fetchAhead %s is refused when the worker is made", async (fetchAhead) => {
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [quick], fetchAhead })).toThrow(
    `fetchAhead is ${fetchAhead}: a whole number from 0`,
  );
});
