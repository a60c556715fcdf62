import { expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { PoisonIsolation } from "../../src/worker/poison-isolation.ts";
import { lease as anyLease } from "../helpers/lease.ts";
import { connected, eventOf, memoryWith, settledCount } from "../helpers/connected.ts";

/** A store whose jobs have all lost their workers so many times; `release` resolves before one is released. */
const losing = (lost: number, release: () => Promise<void> = async () => {}) =>
  memoryWith((memory) => ({
    lease: async (call) => (await memory.lease(call)).map((lease) => ({ ...lease, lost })),
    async retry(lease, { countsAttempt }) {
      await release();
      return memory.retry(lease, { delayMs: 10, countsAttempt });
    },
  }));

test("of the jobs that have lost half as many workers as maxLost, one runs at a time", async () => {
  let [running, most] = [0, 0];
  const poison = defineJob({
    type: "poison",
    async handler() {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    },
  });
  const jobs = await connected(losing(3));
  let completed = 0;
  const all = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed" && ++completed === 5);
  for (let n = 0; n < 5; n++) await jobs.enqueue(poison, {});
  await jobs.worker({ jobs: [poison], concurrency: 5, maxLost: 6 }).start();
  await all;
  expect(most).toBe(1);
});

test("an isolated job does not start before the others are back in their queue, where no crash of its own counts for them", async () => {
  let allowRelease = (): void => {};
  const allowed = new Promise<void>((resolve) => (allowRelease = resolve));
  const started: string[] = [];
  const poison = defineJob({ type: "poison", handler: (_, job) => void started.push(job.id) });
  const jobs = await connected(losing(3, () => allowed));
  const released = eventOf(jobs, "settled", ({ reason }) => reason?.code === "SUSPECT");
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  const [first, second] = await Promise.all([jobs.enqueue(poison, {}), jobs.enqueue(poison, {})]);
  await jobs.worker({ jobs: [poison], concurrency: 2, maxLost: 6 }).start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(started).toEqual([]);
  allowRelease();
  expect(await released).toMatchObject({ id: second.id, outcome: "release", attempt: 1 });
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

test("from half of maxLost losses on, one job is admitted and waits until the release of each other is stored", () => {
  const inFlight = new InFlightJobs();
  const isolation = new PoisonIsolation(5);
  const add = (lost: number) => inFlight.add({ ...anyLease, lost });
  const [innocent, one, two, three] = [add(2), add(3), add(3), add(9)];
  expect([innocent, one, two, three].map((job) => isolation.admit(job))).toEqual([true, true, false, false]);
  expect([isolation.isBlocked(one), isolation.isBlocked(innocent)]).toEqual([true, false]);
  for (const job of [two, three]) inFlight.settle(job);
  inFlight.remove(two);
  expect(isolation.isBlocked(one)).toBe(true);
  inFlight.remove(three);
  expect(isolation.isBlocked(one)).toBe(false);
});

test("the next job is isolated once the one before is settled", () => {
  const inFlight = new InFlightJobs();
  const isolation = new PoisonIsolation(2);
  const [one, two] = [inFlight.add({ ...anyLease, lost: 1 }), inFlight.add({ ...anyLease, lost: 1 })];
  isolation.admit(one);
  inFlight.start(one);
  inFlight.settle(one);
  expect(isolation.admit(two)).toBe(false);
  inFlight.settle(two);
  inFlight.remove(two);
  inFlight.remove(one);
  const three = inFlight.add({ ...anyLease, lost: 1 });
  expect([isolation.admit(three), isolation.isBlocked(three)]).toEqual([true, false]);
});
