import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { connected, eventOf, settledCount } from "../helpers/connected.ts";

test("never more of a type run than its own limit, while the other slots go on with other types", async () => {
  let resizing = 0;
  let most = 0;
  let quickBehind = 0;
  const resize = defineJob({
    type: "photo.resize",
    async handler() {
      most = Math.max(most, ++resizing);
      await sleep(30);
      resizing -= 1;
    },
  });
  const quick = defineJob({ type: "quick", handler: () => void (resizing > 0 && quickBehind++) });
  const jobs = await connected();
  const all = settledCount(jobs, 26);
  for (let n = 0; n < 6; n++) await jobs.enqueue(resize, {});
  for (let n = 0; n < 20; n++) await jobs.enqueue(quick, {});
  await jobs.worker({ jobs: [resize, quick], concurrency: 4, typeConcurrency: { "photo.resize": 2 } }).start();
  await all;
  expect(most).toBe(2);
  expect(quickBehind).toBeGreaterThan(10);
});

test("a job beyond the limit of its type is released within two seconds, for another worker, and no attempt is spent", async () => {
  const long = defineJob({ type: "long", handler: async (_, job) => void (await once(job.signal, "abort")) });
  const jobs = await connected();
  const released = eventOf(jobs, "settled", ({ reason }) => reason?.code === "TYPE_BUSY");
  for (let n = 0; n < 2; n++) await jobs.enqueue(long, {});
  const shutdown = { drain: 0, abort: 100 };
  await jobs.worker({ jobs: [long], typeConcurrency: { long: 1 }, shutdown }).start();
  expect(await released).toMatchObject({ outcome: "release", attempt: 1 });
  expect(await jobs.inspector?.counts()).toMatchObject([{ leased: 1, delayed: 1 }]);
});

test("jobs of a full type are leased a few at a time, not all at once", async () => {
  const long = defineJob({ type: "long", handler: async (_, job) => void (await once(job.signal, "abort")) });
  const jobs = await connected();
  const released = eventOf(jobs, "settled", ({ reason }) => reason?.code === "TYPE_BUSY");
  for (let n = 0; n < 100; n++) await jobs.enqueue(long, {});
  const shutdown = { drain: 0, abort: 100 };
  await jobs.worker({ jobs: [long], concurrency: 5, typeConcurrency: { long: 1 }, shutdown }).start();
  await released;
  const [queue] = (await jobs.inspector?.counts()) ?? [];
  expect(queue?.ready).toBeGreaterThan(80);
});

test("a flood of a full type in a queue of its own takes nothing from the other queue", async () => {
  const long = defineJob({
    type: "long",
    queue: "flood",
    handler: async (_, job) => void (await once(job.signal, "abort")),
  });
  const short = defineJob({ type: "short", handler: () => sleep(50) });
  const jobs = await connected();
  const settled: unknown[] = [];
  const first = eventOf(jobs, "settled", ({ type, reason }) => {
    settled.push(reason?.code ?? type);
    return settled.length === 20;
  });
  for (let n = 0; n < 50; n++) await jobs.enqueue(long, {});
  for (let n = 0; n < 20; n++) await jobs.enqueue(short, {});
  const shutdown = { drain: 0, abort: 100 };
  await jobs.worker({ jobs: [long, short], concurrency: 4, typeConcurrency: { long: 1 }, shutdown }).start();
  await first;
  expect(new Set(settled)).toEqual(new Set(["short"]));
});

const noop = defineJob({ type: "noop", handler() {} });

test.each([0, -1, 1.5, Number.NaN])("a limit of %s is refused when the worker is made", async (most) => {
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [noop], typeConcurrency: { noop: most } })).toThrow(
    `typeConcurrency of "noop" is ${most}: a whole number from 1`,
  );
});

test("a limit for a type that the worker does not run is refused", async () => {
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [noop], typeConcurrency: { nope: 1 } })).toThrow(
    'typeConcurrency names "nope", which is none of the worker\'s jobs',
  );
});

test("a limit is refused where a release would spend attempts", async () => {
  const jobs = await connected(memoryBackend({ capabilities: { countsDeliveries: true } }));
  expect(() => jobs.worker({ jobs: [noop], typeConcurrency: { noop: 1 } })).toThrow(/counts a release as an attempt/);
});
