import { ec2Spot } from "@waybill/platforms";
import { describe, test } from "vitest";
import { fakeMetadata } from "./fakes.ts";
import { watched } from "./watching.ts";

const POLL = { timeout: 15_000, interval: 25 };
const noticeIn = (ms: number, action = "terminate"): string =>
  JSON.stringify({ action, time: new Date(Date.now() + ms).toISOString() });

describe.concurrent("a Spot instance", { timeout: 30_000 }, () => {
  test.for(["terminate", "stop", "hibernate"])(
    "that gets a notice to %s is stopped within the time of the notice",
    async (action, t) => {
      const { expect } = t;
      const metadata = await fakeMetadata(t);
      const { watch, stops } = await watched(t, [ec2Spot({ metadata: metadata.url })]);
      expect(stops).toEqual([]);
      metadata.items.set("spot/instance-action", noticeIn(118_000, action));
      await expect.poll(() => stops.map(({ reason }) => reason), POLL).toEqual(["EC2_SPOT"]);
      const limitMs = watch.notice()?.limitMs ?? 0;
      expect(limitMs).toBeLessThanOrEqual(108_000);
      expect(limitMs).toBeGreaterThan(90_000);
    },
  );

  test("whose clock is wrong by an hour has the two minutes that a fresh notice gives", async (t) => {
    const { expect } = t;
    const metadata = await fakeMetadata(t, { "spot/instance-action": noticeIn(-3_600_000) });
    const { watch } = await watched(t, [ec2Spot({ metadata: metadata.url })]);
    expect(watch.notice()?.limitMs).toBe(110_000);
  });

  test("is forced to end when the time is nearly over", async (t) => {
    const { expect } = t;
    const metadata = await fakeMetadata(t, { "spot/instance-action": noticeIn(11_500) });
    const { stops } = await watched(t, [ec2Spot({ metadata: metadata.url })], () => new Promise(() => {}));
    await expect.poll(() => stops.length, POLL).toBe(2);
  });

  test("goes on after a rebalance recommendation, and is stopped by it where it is asked for", async (t) => {
    const { expect } = t;
    const metadata = await fakeMetadata(t, {
      "events/recommendations/rebalance": '{"noticeTime":"2026-12-01T08:22:00Z"}',
    });
    const on = await watched(t, [ec2Spot({ metadata: metadata.url })]);
    expect(on.watch.notice()).toBeNull();
    const off = await watched(t, [ec2Spot({ metadata: metadata.url, rebalance: true })]);
    expect(off.watch.notice()).toEqual({ reason: "EC2_REBALANCE", limitMs: expect.any(Number) });
  });
});
