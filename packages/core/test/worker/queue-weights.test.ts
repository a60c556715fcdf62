import { expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { connected, memoryWith, settledCount } from "../helpers/connected.ts";

test("a worker runs its queues by their weights, and what both hold to the end", async () => {
  const order: string[] = [];
  const mail = defineJob({ type: "mail", queue: "mailers", handler: () => void order.push("mailers") });
  const other = defineJob({ type: "other", handler: () => void order.push("default") });
  const jobs = await connected();
  const all = settledCount(jobs, 800);
  for (let n = 0; n < 400; n++) await Promise.all([jobs.enqueue(mail, {}), jobs.enqueue(other, {})]);
  await jobs.worker({ jobs: [mail, other], queues: { mailers: 3, default: 1 }, concurrency: 1 }).start();
  await all;
  const mailers = order.slice(0, 400).filter((queue) => queue === "mailers").length;
  expect(mailers).toBeGreaterThanOrEqual(290);
  expect(mailers).toBeLessThanOrEqual(310);
});

test.each([0, -1, 1.5, 1_001, Number.NaN])("a weight of %s is refused when the worker is made", async (weight) => {
  const noop = defineJob({ type: "noop", handler() {} });
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [noop], queues: { default: weight } })).toThrow(
    `the weight of queue "default" is ${weight}: a whole number from 1 to 1000`,
  );
});

test("a job of a queue that the worker did not ask for runs, instead of waiting for as long as the worker lives", async () => {
  const stray = defineJob({ type: "stray", queue: "elsewhere", handler() {} });
  const jobs = await connected(
    memoryWith((good) => ({ lease: (request) => good.lease({ ...request, queue: "elsewhere" }) })),
  );
  const all = settledCount(jobs, 1);
  await jobs.enqueue(stray, {});
  await jobs.worker({ jobs: [stray], queues: ["default"] }).start();
  await all;
});
