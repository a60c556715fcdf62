import { expect, test } from "vitest";
import { FairScheduler } from "../../src/worker/fair-scheduler.ts";

const schedulerOf = (weights: Record<string, number>) => new FairScheduler(new Map(Object.entries(weights)));

/** Chooses `count` times while these queues have work; returns how often each was chosen. */
function starts(scheduler: FairScheduler, queues: readonly string[], count: number): Record<string, number> {
  const chosen: Record<string, number> = {};
  for (let n = 0; n < count; n++) {
    const queue = scheduler.next((one) => (queues.includes(one) ? one : null)) ?? "none";
    chosen[queue] = (chosen[queue] ?? 0) + 1;
  }
  return chosen;
}

test("while all queues have work, starts are shared by weight, to the job", () => {
  const scheduler = schedulerOf({ high: 5, middle: 3, low: 1 });
  expect(starts(scheduler, ["high", "middle", "low"], 900)).toEqual({ high: 500, middle: 300, low: 100 });
});

test("the lowest weight beside the highest has its start in every thousand", () => {
  expect(starts(schedulerOf({ flood: 1_000, rare: 1 }), ["flood", "rare"], 1_001)).toMatchObject({ rare: 1 });
});

test("no queue is chosen while none has work", () => {
  const scheduler = schedulerOf({ a: 1, b: 1 });
  expect(scheduler.next(() => null)).toBeNull();
});

test("a queue without work leaves its share to the other, and does not catch up when it has work again", () => {
  const scheduler = schedulerOf({ a: 1, b: 1 });
  expect(starts(scheduler, ["a"], 100)).toEqual({ a: 100 });
  expect(starts(scheduler, ["a", "b"], 10)).toEqual({ a: 5, b: 5 });
});

test("a queue that was not configured has weight 1, and does not catch up from before it was included", () => {
  const scheduler = schedulerOf({ a: 2 });
  starts(scheduler, ["a"], 100);
  scheduler.include("stray");
  scheduler.include("a");
  expect(starts(scheduler, ["a", "stray"], 30)).toEqual({ a: 20, stray: 10 });
});

test("leases are shared by weight among the queues that seem to have work", () => {
  const scheduler = schedulerOf({ a: 3, b: 1 });
  expect([scheduler.shareOf("a"), scheduler.shareOf("b")]).toEqual([0.75, 0.25]);
  scheduler.requested("a");
  expect(scheduler.shareOf("b")).toBe(0.25);
  expect(schedulerOf({ a: 3 }).shareOf("a")).toBe(1);
});

test("a queue whose lease call waits leaves all leases to the other, until the call returns", async () => {
  const scheduler = schedulerOf({ a: 3, b: 1 });
  scheduler.requested("a");
  await expect.poll(() => scheduler.shareOf("b")).toBe(1);
  expect(scheduler.shareOf("a")).toBe(0.75);
  scheduler.responded("a");
  expect(scheduler.shareOf("b")).toBe(0.25);
});

test("the queue that starts a job sooner comes first", () => {
  const scheduler = schedulerOf({ a: 1, b: 1 });
  const order = (): string[] => ["a", "b"].toSorted((one, other) => scheduler.compare(one, other));
  starts(scheduler, ["a"], 1);
  expect(order()).toEqual(["b", "a"]);
  starts(scheduler, ["b"], 2);
  expect(order()).toEqual(["a", "b"]);
});
