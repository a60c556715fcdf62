import { expect, test } from "vitest";
import type { QueueCounts } from "../../src/backend/inspector.ts";
import { queuesWithoutWorker } from "../../src/backend/queues-without-worker.ts";

const counts = (queue: string, more: Partial<QueueCounts> = {}): QueueCounts => ({
  queue,
  ready: 0,
  delayed: 0,
  leased: 0,
  dead: 0,
  finished: 0,
  oldestWaitMs: null,
  ...more,
});

const found = (all: readonly QueueCounts[], queues: readonly string[] = [], declared: readonly string[] = []) =>
  queuesWithoutWorker(all, [{ queues }], new Set(declared));

test("a queue with ready jobs from which no live worker leases is found, with how many and how long", () => {
  const mailers = counts("mailers", { ready: 3, oldestWaitMs: 500 });
  expect(found([counts("default", { ready: 9 }), mailers], ["default"])).toEqual([
    { queue: "mailers", ready: 3, oldestWaitMs: 500 },
  ]);
});

test.each<[string, QueueCounts]>([
  ["has no ready job", counts("mailers", { delayed: 5, dead: 2 })],
  ["has a leased job, whoever leased it", counts("mailers", { ready: 1, leased: 1 })],
  ["has consumers that the broker counts", counts("mailers", { ready: 1, workers: 1 })],
  ["has no name, since it holds dead letters alone", counts("", { ready: 1, dead: 1 })],
])("a queue is not found when it %s", (_why, one) => {
  expect(found([one])).toEqual([]);
});

test("a declared queue is found without a job, and not once a worker leases from it", () => {
  expect(found([counts("a"), counts("z", { ready: 1 })], [], ["m", "a"])).toEqual([
    { queue: "a", ready: 0, oldestWaitMs: null },
    { queue: "m", ready: 0, oldestWaitMs: null },
    { queue: "z", ready: 1, oldestWaitMs: null },
  ]);
  expect(found([counts("a")], ["a", "m"], ["m", "a"])).toEqual([]);
});
