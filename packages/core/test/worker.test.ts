import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { connect, defineJob, type Jobs, type JobDefinition, RetryLater } from "../src/index.ts";

const open: Jobs[] = [];
async function connected(jobs?: JobDefinition[]) {
  const connection = await connect("memory:", { log: "off", ...(jobs && { jobs }) });
  open.push(connection);
  return connection;
}
afterEach(async () => {
  for (const jobs of open.splice(0)) await jobs.close();
});

test("a job that is enqueued runs once with its payload and is settled as completed", async () => {
  const seen: unknown[] = [];
  const greet = defineJob({
    type: "greet",
    payload: z.object({ name: z.string() }),
    handler: ({ name }, job) => void seen.push([name, job.attempt]),
  });
  const jobs = await connected();
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await jobs.worker({ jobs: [greet] }).start();
  const { id, stored } = await jobs.enqueue(greet, { name: "Ada" });
  expect(stored).toBe(true);
  expect(await settled).toMatchObject({ id, outcome: "completed", attempt: 1 });
  expect(seen).toEqual([["Ada", 1]]);
});

test("RetryLater puts the job back without spending an attempt", async () => {
  const attempts: number[] = [];
  const shy = defineJob({
    type: "shy",
    handler: (_payload, job) => {
      attempts.push(job.attempt);
      if (attempts.length < 3) throw new RetryLater(10);
    },
  });
  const jobs = await connected();
  await jobs.worker({ jobs: [shy] }).start();
  await jobs.enqueue(shy, {});
  await sleep(300);
  expect(attempts).toEqual([1, 1, 1]);
});
