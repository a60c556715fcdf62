import { expect, test } from "vitest";
import { defineJob } from "../src/index.ts";
import { Held } from "../src/held.ts";
import { QueueLines } from "../src/queue-lines.ts";
import { Slots } from "../src/slots.ts";
import { connected, memoryWith, settledCount } from "./connected.ts";
import { lease } from "./lease.ts";

const waits = (queue: string): Held => new Held({ ...lease, queue });

/** Starts `count` leases out of lines that are always full of `queues`. */
function starts(lines: QueueLines, queues: readonly string[], count: number): Map<string, number> {
  const started = new Map<string, number>();
  for (const queue of queues) lines.add(waits(queue));
  for (let n = 0; n < count; n++) {
    const queue = lines.next(null)?.lease.queue ?? "";
    started.set(queue, (started.get(queue) ?? 0) + 1);
    lines.add(waits(queue));
  }
  return started;
}

test("while all queues have work, starts are shared by weight, to the job", () => {
  const weights = new Map([
    ["high", 5],
    ["middle", 3],
    ["low", 1],
  ]);
  expect(Object.fromEntries(starts(new QueueLines(weights), [...weights.keys()], 900))).toEqual({
    high: 500,
    middle: 300,
    low: 100,
  });
});

test("the least of weights beside the greatest has its start in every thousand", () => {
  const lines = new QueueLines(new Map(Object.entries({ flood: 1_000, rare: 1 })));
  expect(starts(lines, ["flood", "rare"], 1_001).get("rare")).toBe(1);
});

test("what an empty queue leaves is the other's, and it does not make up for it when it has work again", () => {
  const lines = new QueueLines(new Map(Object.entries({ a: 1, b: 1 })));
  expect(starts(lines, ["a"], 100).get("a")).toBe(100);
  expect(starts(lines, ["b"], 10).get("a")).toBe(5);
});

test("a queue whose jobs could not start for a while does not make up for it either", () => {
  const lines = new QueueLines(new Map(Object.entries({ a: 1, b: 1 })));
  lines.add(waits("a"));
  for (let n = 0; n < 100; n++) {
    lines.add(waits("b"));
    lines.next(({ lease: { queue } }) => queue === "a");
  }
  expect(starts(lines, ["a", "b"], 10).get("a")).toBeLessThanOrEqual(6);
});

test("room is asked for by weight among the queues that seem to have work", () => {
  const slots = new Slots({
    concurrency: 8,
    queues: new Map(Object.entries({ a: 3, b: 1 })),
    fetchAhead: 500,
    typeConcurrency: new Map(),
    maxLost: 20,
  });
  expect([slots.wanted("a"), slots.wanted("b")]).toEqual([6, 2]);
  slots.asked("a");
  expect(slots.wanted("b")).toBe(2);
});

test("a queue that has let a call wait leaves all room to the other", async () => {
  const slots = new Slots({
    concurrency: 8,
    queues: new Map(Object.entries({ a: 3, b: 1 })),
    fetchAhead: 500,
    typeConcurrency: new Map(),
    maxLost: 20,
  });
  slots.asked("a");
  await expect.poll(() => slots.wanted("b")).toBe(8);
  slots.answered("a");
  expect(slots.wanted("b")).toBe(2);
});

test("the loop of the queue whose turn it is learns first of a free place", async () => {
  const slots = new Slots({
    concurrency: 1,
    queues: new Map(Object.entries({ a: 1, b: 2 })),
    fetchAhead: 500,
    typeConcurrency: new Map(),
    maxLost: 20,
  });
  const started: string[] = [];
  let held: Held | null = null;
  for (let n = 0; n < 31; n++) {
    const woken: string[] = [];
    const loops = ["a", "b"].map((queue) => slots.whenRoom(queue).then(() => woken.push(queue)));
    if (held) {
      slots.free(held);
      slots.forget(held);
    } else slots.announceRoom();
    await Promise.all(loops);
    // Both queues have work, and the first to ask is the first to be answered.
    slots.add(waits(woken[0] ?? ""));
    held = slots.next();
    started.push(held?.lease.queue ?? "");
  }
  expect(started.filter((queue) => queue === "b").length).toBeGreaterThanOrEqual(19);
  expect(started.filter((queue) => queue === "a").length).toBeGreaterThanOrEqual(9);
});

test("a worker runs its queues by their weights, and what both hold to the end", async () => {
  const order: string[] = [];
  const mail = defineJob({ type: "mail", queue: "mailers", handler: () => void order.push("mailers") });
  const other = defineJob({ type: "other", handler: () => void order.push("default") });
  const jobs = await connected();
  const all = settledCount(jobs, 800);
  for (let n = 0; n < 400; n++) await Promise.all([jobs.enqueue(mail, {}), jobs.enqueue(other, {})]);
  await jobs.worker({ jobs: [mail, other], queues: { mailers: 3, default: 1 }, concurrency: 1 }).start();
  await all;
  const mailers = order.slice(0, 400).filter((queue) => queue === "mailers").length;
  expect(mailers).toBeGreaterThanOrEqual(290);
  expect(mailers).toBeLessThanOrEqual(310);
});

test.each([0, -1, 1.5, 1_001, Number.NaN])("a weight of %s is refused when the worker is made", async (weight) => {
  const noop = defineJob({ type: "noop", handler() {} });
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [noop], queues: { default: weight } })).toThrow(
    `the weight of queue "default" is ${weight}: a whole number from 1 to 1000`,
  );
});

test("a lease of a queue that the worker did not ask for runs, instead of being held for ever", async () => {
  const stray = defineJob({ type: "stray", queue: "elsewhere", handler() {} });
  const jobs = await connected(
    memoryWith((good) => ({ lease: (request) => good.lease({ ...request, queue: "elsewhere" }) })),
  );
  const all = settledCount(jobs, 1);
  await jobs.enqueue(stray, {});
  await jobs.worker({ jobs: [stray], queues: ["default"] }).start();
  await all;
});
