import { afterEach, expect, test } from "vitest";
import { defineJob, defineSchedule, type Schedule, type ScheduleOptions } from "../../src/index.ts";
import { testJobs, type TestJobs } from "../../src/testing/index.ts";

const open: TestJobs[] = [];
afterEach(async () => {
  for (const jobs of open.splice(0)) await jobs.close();
});

/** Test jobs with one schedule of a job that records when it ran, by the clock of the test. */
async function withSchedule(
  options: Omit<ScheduleOptions, "name" | "job" | "payload">,
  work: (jobs: TestJobs) => Promise<void> | void = () => {},
): Promise<{ jobs: TestJobs; ran: string[]; schedule: Schedule }> {
  const ran: string[] = [];
  const job = defineJob({
    type: "report",
    async handler() {
      ran.push(jobs.now().toISOString());
      await work(jobs);
    },
  });
  const schedule = defineSchedule({ name: "s", job, payload: {}, ...options } as ScheduleOptions);
  const jobs = await testJobs({ jobs: [job], schedules: [schedule] });
  open.push(jobs);
  return { jobs, ran, schedule };
}

const minute = (time: string): string => time.slice(0, 16);

test("advancing by a day runs each tick of the day at its time", async () => {
  const { jobs, ran } = await withSchedule({ every: "1h" });
  const ended = await jobs.advance("1d");
  expect(ran.map((time) => time.slice(13, 19))).toEqual(Array.from({ length: 24 }, () => ":00:00"));
  expect(new Set(ran.map((time) => time.slice(0, 13))).size).toBe(24);
  expect(ended.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 24 }, () => "completed"));
});

test("a cron expression ticks by the clock of its zone", async () => {
  const { jobs, ran } = await withSchedule({ cron: "0 3 * * *", timeZone: "Asia/Tokyo" });
  await jobs.advance("2d");
  expect(ran.map((time) => time.slice(11, 16))).toEqual(["18:00", "18:00"]);
});

test("afterCompletion runs at once, and then after each end", async () => {
  const { jobs, ran } = await withSchedule({ afterCompletion: "10m" });
  await jobs.drain();
  expect(ran).toHaveLength(1);
  await jobs.advance("9m");
  expect(ran).toHaveLength(1);
  await jobs.advance("22m");
  expect(ran).toHaveLength(4);
});

test("a schedule that is paused does not tick, and does not make up for it", async () => {
  const { jobs, ran } = await withSchedule({ every: "1h" });
  await jobs.advance("1h");
  await jobs.schedules.pause("s");
  await jobs.advance("5h");
  expect(ran).toHaveLength(1);
  await jobs.schedules.resume("s");
  await jobs.advance("1h");
  expect(ran).toHaveLength(2);
});

test("a schedule that is put at run time ticks until it is removed", async () => {
  const elsewhere = defineJob({ type: "elsewhere" });
  const jobs = await testJobs({ jobs: [elsewhere] });
  open.push(jobs);
  await jobs.schedules.put(defineSchedule({ name: "put", job: elsewhere, payload: {}, every: "1h" }));
  await jobs.advance("2h");
  expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "default", ready: 2 }]);
  await jobs.schedules.remove("put");
  await jobs.advance("2h");
  expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "default", ready: 2 }]);
});

test("jitter delays each tick by less than its limit, and not all by the same", async () => {
  const { jobs, ran } = await withSchedule({ every: "1h", jitter: "50m" });
  await jobs.advance("10h");
  expect(new Set(ran.map(minute).map((time) => time.slice(14))).size).toBeGreaterThan(2);
  expect(ran.every((time) => Number(time.slice(14, 16)) <= 50)).toBe(true);
});

test("test jobs like a backend without a ledger refuse schedules", async () => {
  const job = defineJob({ type: "report", handler() {} });
  const schedules = [defineSchedule({ name: "s", job, payload: {}, every: "1h" })];
  await expect(testJobs({ jobs: [job], schedules, like: "sqs" })).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringContaining("has no ledger"),
  });
});
