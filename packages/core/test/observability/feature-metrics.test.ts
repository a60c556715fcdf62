import { expect, test } from "vitest";
import { defineJob, defineSchedule, type Jobs } from "../../src/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { telemetry } from "../../src/observability/otel/index.ts";
import { connected, eventOf, memoryWith } from "../helpers/connected.ts";
import { traced } from "./traced.ts";

const slow = defineJob({
  type: "slow",
  handler: (_, { signal }) =>
    new Promise<void>((done) => signal.addEventListener("abort", () => done())).then(() => signal.throwIfAborted()),
});
const rated = defineJob({ type: "rated", limits: [{ key: "api", rate: "1/1h" }], handler() {} });
const alone = defineJob({
  type: "alone",
  limits: [{ key: "one", concurrency: 1 }],
  handler: () => new Promise<void>((done) => setTimeout(done, 500)),
});
const single = defineJob({ type: "single", unique: { by: () => "k" } });
/** It counts no leases by key, so that the ledger does. */
const withoutKeys = () =>
  memoryWith(({ capabilities }) => ({ capabilities: { ...capabilities, keyConcurrency: false } }));

/** Cancels a waiting and a running job, ticks a schedule, and enqueues jobs whose unique key is taken. */
async function usesFeatures(jobs: Jobs): Promise<void> {
  const waiting = await jobs.enqueue(slow, {}, { delay: "1h" });
  await jobs.cancel(waiting.id);
  const { id } = await jobs.enqueue(slow, {});
  await jobs.enqueue(single, {});
  await expect(jobs.enqueue(single, {})).rejects.toMatchObject({ code: "DUPLICATE_JOB" });
  await jobs.enqueue(single, {}, { unique: { onConflict: "ignore" } });
  const started = eventOf(jobs, "started");
  const ticked = eventOf(jobs, "tick");
  const often = defineSchedule({ name: "often", job: single, payload: {}, every: "1s" });
  await jobs.worker({ jobs: [slow], queues: ["default"], schedules: [often] }).start();
  await started;
  const ended = eventOf(jobs, "settled", (event) => event.id === id);
  await jobs.cancel(id);
  await Promise.all([ended, ticked]);
}

test("a scrape tells what was cancelled, which keys were taken and which schedules ticked", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs);
  await usesFeatures(jobs);
  const lines = (await metrics.prometheus()).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      'waybill_cancelled_total{queue="default",type="slow"} 2',
      'waybill_duplicates_total{queue="default",type="single",result="ignored"} 1',
      expect.stringMatching(/^waybill_duplicates_total\{queue="default",type="single",result="rejected"\} \d$/),
      expect.stringMatching(/^waybill_schedule_ticks_total\{schedule="often",result="enqueued_before"\} \d$/),
    ]),
  );
});

test("a scrape tells which jobs their limits held back, and by what", async () => {
  const jobs = await connected(withoutKeys());
  const metrics = jobMetrics(jobs);
  for (const job of [rated, rated, alone, alone]) await jobs.enqueue(job, {});
  const held = ["RATE_LIMITED", "LIMIT_FULL"].map((code) =>
    eventOf(jobs, "settled", ({ reason }) => reason?.code === code),
  );
  await jobs.worker({ jobs: [rated, alone] }).start();
  await Promise.all(held);
  const text = await metrics.prometheus();
  expect(text).toContain('waybill_limited_total{queue="default",type="rated",code="RATE_LIMITED"} 1\n');
  expect(text).toMatch(/^waybill_limited_total\{queue="default",type="alone",code="LIMIT_FULL"\} \d$/m);
});

test("OpenTelemetry counts the same", async () => {
  const otel = traced();
  const jobs = await connected("memory:", { telemetry: otel.telemetry });
  await usesFeatures(jobs);
  const place = { "messaging.destination.name": "default" };
  const unit = "{job}";
  expect(await otel.measured("waybill.jobs.cancelled")).toEqual([
    { unit, attributes: { ...place, "waybill.job.type": "slow" }, value: 1 },
  ]);
  expect(await otel.measured("waybill.process.outcomes")).toContainEqual({
    unit,
    attributes: expect.objectContaining({ "waybill.job.type": "slow", "waybill.reason": "CANCELLED" }),
    value: 1,
  });
  expect(await otel.measured("waybill.jobs.duplicates")).toContainEqual({
    unit,
    attributes: { ...place, "waybill.job.type": "single", "waybill.result": "ignored" },
    value: 1,
  });
  expect(await otel.measured("waybill.schedule.ticks")).toContainEqual({
    unit: "{tick}",
    attributes: { "waybill.schedule": "often", "waybill.result": "enqueued_before" },
    value: expect.any(Number),
  });
});

test("without metrics no one listens: ticks, cancels and conflicts are not even described", async () => {
  const jobs = await connected();
  expect(["tick", "cancelled", "duplicate"].filter((name) => jobs.events.has(name as "tick"))).toEqual([]);
  const counted = await connected("memory:", { telemetry: telemetry() });
  expect(counted.events.has("tick")).toBe(true);
});
