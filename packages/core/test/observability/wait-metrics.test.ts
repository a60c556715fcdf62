import { expect, onTestFinished, test } from "vitest";
import { defineJob, type Jobs, RetryLater, type WaybillError } from "../../src/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { moveClock } from "../../src/time/clock.ts";
import { connected, eventOf } from "../helpers/connected.ts";
import { runAll, traced } from "./traced.ts";

const fine = defineJob({ type: "fine", queue: "media", handler() {} });

function pass(ms: number): void {
  onTestFinished(moveClock(ms));
}

/** Runs the one job that waits. Returns its wait in seconds; undefined where it is unknown. */
async function waitOf(jobs: Jobs, definition = fine): Promise<number | undefined> {
  const started = eventOf(jobs, "started");
  await runAll(jobs, [definition], 1);
  const { waitMs } = await started;
  return waitMs === undefined ? undefined : waitMs / 1_000;
}

/** Whether two times in seconds are the same, but for what the test itself takes. */
const about = (seconds: number): object => expect.closeTo(seconds, -1);

test("a scrape has how long jobs waited, from when they were due until they started, by queue and type", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs, { waitBuckets: [1, 60] });
  await jobs.enqueue(fine, {});
  pass(45_000);
  await runAll(jobs, [fine], 1);
  const lines = (await metrics.prometheus()).split("\n").filter((line) => line.startsWith("waybill_wait_seconds"));
  const [below1, below60, all, sum, count] = lines;
  expect([below1, below60, all, count]).toEqual([
    'waybill_wait_seconds_bucket{queue="media",type="fine",le="1"} 0',
    'waybill_wait_seconds_bucket{queue="media",type="fine",le="60"} 1',
    'waybill_wait_seconds_bucket{queue="media",type="fine",le="+Inf"} 1',
    'waybill_wait_seconds_count{queue="media",type="fine"} 1',
  ]);
  expect(Number(sum?.split(" ")[1])).toEqual(about(45));
});

test("the delay of a job is no wait, before its first run or before its next", async () => {
  const jobs = await connected();
  await jobs.enqueue(fine, {}, { delay: "1h" });
  pass(3_600_000 + 30_000);
  expect(await waitOf(jobs)).toEqual(about(30));
  let runs = 0;
  const again = defineJob({
    type: "again",
    handler() {
      runs += 1;
      if (runs === 1) throw new RetryLater("2h");
    },
  });
  await jobs.enqueue(again, {});
  pass(20_000);
  expect(await waitOf(jobs, again)).toEqual(about(20));
  pass(7_200_000 + 50_000);
  expect(await waitOf(jobs, again)).toEqual(about(50));
});

test("a replayed dead letter waits from its replay", async () => {
  const doomed = defineJob({
    type: "doomed",
    retry: { maxAttempts: 1 },
    handler() {
      throw new Error("not today");
    },
  });
  const jobs = await connected();
  await jobs.enqueue(doomed, {});
  await runAll(jobs, [doomed], 1);
  pass(86_400_000);
  expect(await jobs.inspector?.replay()).toBe(1);
  pass(40_000);
  expect(await waitOf(jobs, doomed)).toEqual(about(40));
});

test.each(["waitBuckets", "runBuckets"])("%s that are no rising seconds are refused by name", async (name) => {
  const jobs = await connected();
  const refused = (value: unknown): string => {
    try {
      jobMetrics(jobs, { [name]: value } as never);
      return "";
    } catch (thrown) {
      return `${(thrown as WaybillError).code}: ${(thrown as Error).message}`;
    }
  };
  const remedy = "pass seconds in rising order, such as [0.1, 1, 10]";
  for (const [value, shown] of [
    [[1, 1], "[1, 1]"],
    [[10, 1], "[10, 1]"],
    [[0, 1], "[0, 1]"],
    [["1"], "[1]"],
    [[Number.NaN], "[NaN]"],
  ] as const)
    expect(refused(value)).toBe(`CONFIG_INVALID: ${name} of jobMetrics is ${shown}: ${remedy}`);
  expect(refused("1")).toContain(`${name} of jobMetrics is "1"`);
  expect(refused([0.5, 60])).toBe("");
});

test("a wait that nobody knows is left out, and one of a producer whose clock is ahead is 0", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs);
  await jobs.enqueue(fine, {}, { id: "018f0000-0000-7000-8000-000000000001" });
  expect(await waitOf(jobs)).toBe(undefined);
  expect(await metrics.prometheus()).not.toContain("waybill_wait_seconds_count");
  const back = moveClock(60_000);
  await jobs.enqueue(fine, {});
  back();
  expect(await waitOf(jobs)).toBe(0);
});

test("OpenTelemetry has the wait as a histogram by queue and type, and on the span", async () => {
  const otel = traced();
  const jobs = await connected("memory:", { telemetry: otel.telemetry });
  await jobs.enqueue(fine, {});
  pass(45_000);
  await runAll(jobs, [fine], 1);
  expect(await otel.measured("waybill.process.wait")).toEqual([
    {
      unit: "s",
      value: 1,
      attributes: {
        "messaging.system": "memory",
        "messaging.destination.name": "media",
        "waybill.job.type": "fine",
      },
    },
  ]);
  expect(Number(otel.span("process media").attributes["waybill.job.wait_ms"]) / 1_000).toEqual(about(45));
});
