import { Inject, Injectable } from "@nestjs/common";
import { Test } from "@nestjs/testing";
import { defineJob, defineSchedule, type JobContext } from "@waybill/core";
import { beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";
import { withTestJobs } from "../../src/testing/index.ts";
import { settled, started, waybill } from "../support/started.ts";

const mail = defineJob({ type: "mail.send", payload: z.object({ to: z.string() }) });
const nightly = defineSchedule({ name: "nightly", job: mail, payload: { to: "all" }, cron: "0 3 * * *" });
const sent: string[] = [];
const aborted: unknown[] = [];

class Mails {
  @JobHandler(mail)
  async send({ to }: { to: string }, job: JobContext): Promise<void> {
    sent.push(to);
    if (to !== "endless") return;
    await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
    aborted.push(job.signal.reason.code);
    throw new Error("aborted");
  }
}

/** A provider of an application, which has the queue injected. */
@Injectable()
class Desk {
  @Inject(JobQueue) readonly jobs!: JobQueue;
}

const feature = { imports: [WaybillModule.forFeature([mail])], providers: [Desk, Mails] };

beforeEach(() => {
  sent.splice(0);
  aborted.splice(0);
});

test("a provider finds, lists, reschedules, runs and cancels jobs by the injected queue", async () => {
  const app = await started({ worker: {} }, feature);
  const { jobs } = app.get(Desk);
  const { id } = await jobs.enqueue(mail, { to: "ada" }, { delay: "1h" });
  expect(await jobs.find(id)).toMatchObject({ id, type: "mail.send", state: "delayed" });
  expect((await jobs.list({ type: "mail.send", text: "ada" })).jobs.map((job) => job.id)).toEqual([id]);
  const later = new Date(Date.now() + 7_200_000);
  expect(await jobs.reschedule(id, later)).toMatchObject({ rescheduled: 1 });
  expect((await jobs.find(id))?.dueAt).toBeGreaterThan(later.getTime() - 5_000);
  const ends = settled(app, 1);
  expect(await jobs.runNow(id)).toMatchObject({ rescheduled: 1 });
  await ends;
  expect(sent).toEqual(["ada"]);

  const waiting = await jobs.enqueue(mail, { to: "bob" }, { delay: "1h" });
  expect(await jobs.cancel(waiting.id, { dryRun: true })).toMatchObject({ cancelled: 1 });
  expect(await jobs.cancel({ type: "mail.send" })).toMatchObject({ cancelled: 1, aborting: 0 });
  expect(await jobs.find(waiting.id)).toBeNull();
});

test("a provider reads and follows the records of jobs by the injected queue", async () => {
  const app = await started({ worker: {}, records: "7d" }, feature);
  const { jobs } = app.get(Desk);
  const { id } = await jobs.enqueue(mail, { to: "ada" });
  const states: string[] = [];
  for await (const { state } of jobs.watch(id)) states.push(state);
  expect(states.at(-1)).toBe("completed");
  expect(await jobs.records.get(id)).toMatchObject({ payload: '{"to":"ada"}', attempts: [{ outcome: "completed" }] });
  expect((await jobs.records.find({ text: "ADA" })).records.map((record) => record.id)).toEqual([id]);
});

test("a cancel by the injected queue aborts a handler of the application", async () => {
  const app = await started({ worker: {} }, feature);
  const { jobs } = app.get(Desk);
  const { id } = await jobs.enqueue(mail, { to: "endless" });
  await expect.poll(() => sent).toEqual(["endless"]);
  expect(await jobs.cancel(id)).toMatchObject({ aborting: 1 });
  await expect.poll(() => aborted, { timeout: 10_000 }).toEqual(["JOB_CANCELLED"]);
});

test("the application's worker obeys a pause by the injected queue until it is resumed", async () => {
  const app = await started({ worker: {} }, feature);
  const { jobs } = app.get(Desk);
  await jobs.pause({ queue: "default" });
  expect(await jobs.pauses()).toEqual([{ queue: "default", since: expect.any(Number) }]);
  const { id } = await jobs.enqueue(mail, { to: "ada" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await jobs.find(id)).toMatchObject({ state: "ready" });
  const ends = settled(app, 1);
  await jobs.resume({ queue: "default" });
  await ends;
  expect(await jobs.pauses()).toEqual([]);
});

test("a provider puts, pauses, resumes, runs and removes schedules by the injected queue", async () => {
  const app = await started({ worker: {} }, feature);
  const { schedules } = app.get(Desk).jobs;
  await schedules.put(nightly);
  await schedules.pause("nightly");
  expect(await schedules.list()).toMatchObject([{ name: "nightly", paused: true }]);
  await schedules.resume("nightly");
  const ends = settled(app, 1);
  await schedules.runNow("nightly");
  await ends;
  expect(sent).toEqual(["all"]);
  expect(await schedules.remove("nightly")).toBe(true);
  expect(await schedules.list()).toEqual([]);
});

test("the queue of test jobs has the same calls", async () => {
  const builder = Test.createTestingModule({ ...feature, imports: [waybill({}), ...feature.imports] });
  const app = await withTestJobs(builder).compile();
  await app.init();
  const { jobs } = app.get(Desk);
  const { id } = await jobs.enqueue(mail, { to: "ada" }, { delay: "1h" });
  expect(await jobs.find(id)).toMatchObject({ state: "delayed" });
  expect(await jobs.cancel(id)).toMatchObject({ cancelled: 1 });
  await app.close();
});
