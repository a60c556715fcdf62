import { expect, test } from "vitest";
import { defineJob } from "../src/index.ts";
import { connected, eventOf, memoryWith, settledCount } from "./connected.ts";

/** A store whose jobs have all lost their workers so many times; `back` is called before one goes back. */
const losing = (lost: number, back: () => Promise<void> = async () => {}) =>
  memoryWith((memory) => ({
    lease: async (call) => (await memory.lease(call)).map((lease) => ({ ...lease, lost })),
    async retry(lease, { countsAttempt }) {
      await back();
      return memory.retry(lease, { delayMs: 10, countsAttempt });
    },
  }));

test("of the jobs that have lost half as many workers as bury a job, one runs at a time", async () => {
  let [running, most] = [0, 0];
  const suspect = defineJob({
    type: "suspect",
    async handler() {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    },
  });
  const jobs = await connected(losing(3));
  let completed = 0;
  const all = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed" && ++completed === 5);
  for (let n = 0; n < 5; n++) await jobs.enqueue(suspect, {});
  await jobs.worker({ jobs: [suspect], concurrency: 5, maxLost: 6 }).start();
  await all;
  expect(most).toBe(1);
});

test("a suspect does not start before the others are back in their queue, where no crash of its own counts for them", async () => {
  let goBack = (): void => {};
  const back = new Promise<void>((resolve) => (goBack = resolve));
  const started: string[] = [];
  const suspect = defineJob({ type: "suspect", handler: (_, job) => void started.push(job.id) });
  const jobs = await connected(losing(3, () => back));
  const putBack = eventOf(jobs, "settled", ({ reason }) => reason?.code === "SUSPECT");
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  const [first, second] = await Promise.all([jobs.enqueue(suspect, {}), jobs.enqueue(suspect, {})]);
  await jobs.worker({ jobs: [suspect], concurrency: 2, maxLost: 6 }).start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(started).toEqual([]);
  goBack();
  expect(await putBack).toMatchObject({ id: second.id, outcome: "release", attempt: 1 });
  expect(await completed).toMatchObject({ id: first.id });
});

test("jobs that have lost fewer workers run beside each other", async () => {
  let [running, most] = [0, 0];
  let finish = (): void => {};
  const together = new Promise<void>((resolve) => (finish = resolve));
  const fine = defineJob({
    type: "fine",
    async handler() {
      most = Math.max(most, ++running);
      if (most === 3) finish();
      await together;
    },
  });
  const jobs = await connected(losing(2));
  const all = settledCount(jobs, 3);
  for (let n = 0; n < 3; n++) await jobs.enqueue(fine, {});
  await jobs.worker({ jobs: [fine], concurrency: 3, maxLost: 6 }).start();
  await all;
  expect(most).toBe(3);
});
