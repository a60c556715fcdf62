import { afterEach, expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { type TestJobs, testJobs, type TestJobsOptions } from "../../src/testing/index.ts";

const ran: string[] = [];
const mail = defineJob({ type: "mail.send", handler: () => void ran.push("mail") });
const photo = defineJob({ type: "photo.resize", queue: "photos", handler: () => void ran.push("photo") });
const open: TestJobs[] = [];

afterEach(async () => {
  ran.length = 0;
  for (const jobs of open.splice(0)) await jobs.close();
});

async function opened(like?: TestJobsOptions["like"]): Promise<TestJobs> {
  const jobs = await testJobs({ jobs: [mail, photo], like });
  open.push(jobs);
  return jobs;
}

test("drain leaves a paused queue, and runs it once it is resumed", async () => {
  const jobs = await opened();
  await jobs.enqueue(mail, {});
  await jobs.enqueue(photo, {});
  await jobs.pause({ queue: "default" });
  await jobs.drain();
  expect(ran).toEqual(["photo"]);
  await jobs.resume({ queue: "default" });
  await jobs.drain();
  expect(ran).toEqual(["photo", "mail"]);
});

test.each([undefined, "sqlite", "postgres", "bullmq"] as const)("drain leaves a paused type, like %s", async (like) => {
  const jobs = await opened(like);
  await jobs.enqueue(mail, {});
  await jobs.enqueue(photo, {}, { queue: "default" });
  await jobs.pause({ type: "mail.send" });
  await jobs.drain();
  expect(ran).toEqual(["photo"]);
  await jobs.resume({ type: "mail.send" });
  await jobs.advance("1m");
  expect(ran).toEqual(["photo", "mail"]);
});

test("a job that its own handler pauses ends the drain of its queue", async () => {
  const stops = defineJob({ type: "stops", handler: () => jobs.pause({ queue: "default" }) });
  const jobs = await testJobs({ jobs: [stops, mail] });
  open.push(jobs);
  await jobs.enqueue(stops, {});
  await jobs.enqueue(mail, {});
  const ended = await jobs.drain();
  expect(ended.length).toBeGreaterThanOrEqual(1);
  expect(await jobs.pauses()).toMatchObject([{ queue: "default" }]);
});

test("a delayed job is found, moved, run now and cancelled by the clock of the test", async () => {
  const jobs = await opened("postgres");
  const { id } = await jobs.enqueue(mail, {}, { delay: "1h" });
  await jobs.reschedule(id, new Date(jobs.now().getTime() + 7_200_000));
  await jobs.advance("90m");
  expect(ran).toEqual([]);
  expect(await jobs.find(id)).toMatchObject({ state: "delayed" });
  await jobs.runNow(id);
  await jobs.drain();
  expect(ran).toEqual(["mail"]);
  const other = await jobs.enqueue(mail, {}, { delay: "1h" });
  expect(await jobs.cancel(other.id)).toMatchObject({ cancelled: 1 });
  await jobs.advance("2h");
  expect(ran).toEqual(["mail"]);
});
