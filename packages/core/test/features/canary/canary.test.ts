import { expect, test } from "vitest";
import { defineJob } from "../../../src/index.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { jobMetrics } from "../../../src/observability/metrics/index.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const mail = defineJob({ type: "mail.send", queue: "mailers", handler() {} });

test("a worker with a canary runs one in each of its queues, and the metric has when", async () => {
  const jobs = await connected();
  const metrics = jobMetrics(jobs);
  const before = Date.now() / 1_000;
  const ofQueue = (queue: string): Promise<unknown> =>
    eventOf(jobs, "settled", (event) => event.type === "waybill.canary" && event.queue === queue);
  const both = Promise.all([ofQueue("mailers"), ofQueue("media")]);
  await jobs.worker({ jobs: [mail], queues: ["mailers", "media"], canary: "1s" }).start();
  await both;
  const canary = (await metrics.read()).find(({ name }) => name === "waybill_canary_timestamp_seconds");
  const samples = (canary?.samples ?? []).toSorted((a, b) =>
    (a.labels["queue"] ?? "").localeCompare(b.labels["queue"] ?? ""),
  );
  expect(samples).toMatchObject([{ labels: { queue: "mailers" } }, { labels: { queue: "media" } }]);
  for (const { value } of samples) expect(value).toBeGreaterThanOrEqual(before);
});

test("a connection that lists its jobs runs canary jobs without listing them", async () => {
  const jobs = await connected(memoryBackend(), { jobs: [mail] });
  const ran = eventOf(jobs, "settled", (event) => event.type === "waybill.canary");
  await jobs.worker({ jobs: [mail], canary: "1s" }).start();
  expect(await ran).toMatchObject({ outcome: "completed" });
});

test("two workers with a canary of one queue send one job a tick", async () => {
  const store = memoryBackend();
  const ran: string[] = [];
  for (let n = 0; n < 2; n += 1) {
    const jobs = await connected(store);
    jobs.events.on("settled", ({ id }) => void ran.push(id));
    await jobs.worker({ jobs: [mail], canary: "1s" }).start();
  }
  const first = await connected(store);
  await expect.poll(() => ran.length, { timeout: 15_000, interval: 50 }).toBeGreaterThanOrEqual(2);
  expect(new Set(ran).size).toBe(ran.length);
  expect(await first.schedules.list()).toMatchObject([{ name: "waybill.canary:mailers", type: "waybill.canary" }]);
});

test("a worker without the option has no schedule, and a canary that cannot work is refused", async () => {
  const jobs = await connected();
  await jobs.worker({ jobs: [mail] }).start();
  expect(await jobs.schedules.list()).toEqual([]);
  expect(() => jobs.worker({ jobs: [mail], canary: 10 })).toThrow('canary is 10 ms: whole milliseconds, at least "1s"');
  expect(() => jobs.worker({ jobs: [mail], canary: "often" as never })).toThrow("canary is");
});
