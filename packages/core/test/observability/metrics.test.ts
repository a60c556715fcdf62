import { expect, test } from "vitest";
import { DeadLetter, defineJob, Discard } from "../../src/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { connected, settledCount } from "../helpers/connected.ts";

const fine = defineJob({ type: "fine", queue: "media", handler() {} });
const broken = defineJob({
  type: "broken",
  handler() {
    throw new DeadLetter("no such order");
  },
});
const unwanted = defineJob({
  type: "unwanted",
  handler() {
    throw new Discard("the order was withdrawn");
  },
});

test("a scrape tells what was enqueued, how it ended, how long it ran, and what waits in the backend", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs, { runBuckets: [0.1, 10] });
  const settled = settledCount(jobs, 4);
  await jobs.enqueue(fine, {});
  await jobs.enqueue(fine, {});
  await jobs.enqueue(broken, {});
  await jobs.enqueue(unwanted, {});
  await jobs.enqueue(fine, {}, { delay: "1h" });
  await jobs.worker({ jobs: [fine, broken, unwanted] }).start();
  await settled;
  const lines = (await metrics.prometheus()).trimEnd().split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      'waybill_jobs{queue="media",state="ready"} 0',
      'waybill_jobs{queue="media",state="delayed"} 1',
      'waybill_jobs{queue="default",state="dead"} 1',
      "waybill_running 0",
      'waybill_enqueued_total{queue="media",type="fine"} 3',
      'waybill_settled_total{queue="media",type="fine",outcome="completed"} 2',
      'waybill_settled_total{queue="default",type="broken",outcome="dead"} 1',
      'waybill_dead_total{queue="default",type="broken",code="DEAD_LETTERED"} 1',
      'waybill_discarded_total{queue="default",type="unwanted",code="DISCARDED"} 1',
      'waybill_run_seconds_bucket{queue="media",type="fine",le="10"} 2',
      'waybill_run_seconds_bucket{queue="media",type="fine",le="+Inf"} 2',
      'waybill_run_seconds_count{queue="media",type="fine"} 2',
    ]),
  );
  expect(lines.filter((line) => line.startsWith("waybill_dead_total"))).toHaveLength(1);
  // Each family says once what it is, right before its samples; each sample is a name, labels and a number.
  const families = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
  expect(new Set(families).size).toBe(families.length);
  const samples = lines.filter((line) => !line.startsWith("#"));
  expect(
    samples.filter((line) => !/^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?\d+(\.\d+)?(e-\d+)?$/.test(line)),
  ).toEqual([]);
});

test("a job that never started is no run, and one that runs is counted while it does", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs);
  let finish = (): void => {};
  const slow = defineJob({ type: "slow", handler: () => new Promise<void>((resolve) => (finish = resolve)) });
  const started = new Promise((resolve) => jobs.events.on("started", resolve));
  const settled = settledCount(jobs, 2);
  await jobs.enqueue(slow, {});
  await jobs.enqueue(slow, {}, { expiresIn: 1 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await jobs.worker({ jobs: [slow] }).start();
  await started;
  expect(await metrics.prometheus()).toContain("waybill_running 1\n");
  finish();
  await settled;
  const text = await metrics.prometheus();
  expect(text).toContain('waybill_run_seconds_count{queue="default",type="slow"} 1\n');
  expect(text).toContain('waybill_dead_total{queue="default",type="slow",code="EXPIRED"} 1\n');
});

test("R24: a type that nobody knows is counted in production", async () => {
  const environment = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    const jobs = await connected("memory:", { jobs: [fine], allowVolatile: true });
    const metrics = jobMetrics(jobs);
    const naming = jobMetrics(jobs, { types: ["never.heard_of"] });
    await jobs.enqueue("never.heard_of", {});
    expect(await metrics.prometheus()).toContain('waybill_unknown_type_total{queue="default",type="other"} 1\n');
    expect(await naming.prometheus()).toContain(
      'waybill_unknown_type_total{queue="default",type="never.heard_of"} 1\n',
    );
  } finally {
    process.env["NODE_ENV"] = environment;
  }
});

test("stopped, it counts no more", async () => {
  const jobs = await connected();
  const metrics = jobMetrics({ events: jobs.events });
  metrics.stop();
  await jobs.enqueue(fine, {});
  expect(await metrics.prometheus()).not.toContain("waybill_enqueued_total{");
});
