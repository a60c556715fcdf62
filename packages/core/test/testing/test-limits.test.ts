import { expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { testJobs } from "../../src/testing/index.ts";

const call = defineJob<{ n: number }>({
  type: "api.call",
  limits: [{ key: "api", rate: "1/1m" }],
  handler: () => undefined,
});

test("a rate lets jobs run as the clock moves on", async () => {
  const jobs = await testJobs({ jobs: [call] });
  for (const n of [1, 2, 3]) await jobs.enqueue(call, { n });
  const completed = (events: readonly { outcome: string; id: string }[]): number =>
    events.filter(({ outcome }) => outcome === "completed").length;
  const first = await jobs.drain();
  expect(completed(first)).toBe(1);
  expect(first.filter(({ reason }) => reason?.code === "RATE_LIMITED")).toHaveLength(2);
  expect(completed(await jobs.advance("30s"))).toBe(0);
  expect(completed(await jobs.advance("30s"))).toBe(1);
  expect(completed(await jobs.advance("1m"))).toBe(1);
  await jobs.close();
});

test("jobs of one key of a concurrency limit run one after the other, in their order", async () => {
  const order: string[] = [];
  const sync = defineJob<{ account: string }>({
    type: "crm.sync",
    limits: [{ key: ({ account }) => account, concurrency: 1 }],
    handler: ({ account }) => void order.push(account),
  });
  const jobs = await testJobs({ jobs: [sync] });
  for (const account of ["a", "b", "a"]) await jobs.enqueue(sync, { account });
  const events = await jobs.drain();
  expect(events.map(({ outcome }) => outcome)).toEqual(["completed", "completed", "completed"]);
  expect(order).toEqual(["a", "b", "a"]);
  await jobs.close();
});

test("test jobs like SQS refuse a limit as SQS does without a ledger", async () => {
  const jobs = await testJobs({ jobs: [call], like: "sqs" });
  await jobs.enqueue(call, { n: 1 });
  await expect(jobs.drain()).rejects.toThrow('limit "api.call" needs a ledger');
  await jobs.close();
});
