import { expect, test } from "vitest";
import { ConcurrencyLimiter, type ConcurrencySettings } from "../../src/worker/concurrency-limiter.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { lease } from "../helpers/lease.ts";

function limiterOf(settings: Partial<ConcurrencySettings> = {}) {
  const typeConcurrency = settings.typeConcurrency ?? new Map<string, number>();
  const inFlight = new InFlightJobs(typeConcurrency.keys());
  const limiter = new ConcurrencyLimiter({ concurrency: 2, prefetch: 500, typeConcurrency, ...settings }, inFlight);
  const add = (type = "any", queue = "default") => inFlight.add({ ...lease, type, queue });
  const start = (type?: string) => {
    const job = add(type);
    inFlight.start(job);
    return job;
  };
  return { limiter, inFlight, add, start };
}

test("a running job occupies a slot until its outcome is decided", () => {
  const { limiter, inFlight, start } = limiterOf();
  expect([limiter.freeSlots, limiter.hasFreeSlot]).toEqual([2, true]);
  const job = start();
  expect([limiter.freeSlots, limiter.hasFreeSlot]).toEqual([1, true]);
  start();
  expect([limiter.freeSlots, limiter.hasFreeSlot]).toEqual([0, false]);
  inFlight.settle(job);
  expect([limiter.freeSlots, limiter.hasFreeSlot]).toEqual([1, true]);
});

test("with nothing prefetched, a slot is free for leasing only once the outcome is stored", () => {
  const { limiter, inFlight, start } = limiterOf({ prefetch: 0 });
  const job = start();
  inFlight.settle(job);
  expect([limiter.freeSlots, limiter.hasFreeSlot]).toEqual([1, true]);
  inFlight.remove(job);
  expect(limiter.freeSlots).toBe(2);
});

test("a type is full while as many of its jobs run as its concurrency allows; one without a limit never is", () => {
  const { limiter, inFlight, start } = limiterOf({ concurrency: 4, typeConcurrency: new Map([["resize", 2]]) });
  const job = start("resize");
  expect(limiter.isTypeFull("resize")).toBe(false);
  start("resize");
  start("other");
  expect([limiter.isTypeFull("resize"), limiter.isTypeFull("other")]).toEqual([true, false]);
  inFlight.settle(job);
  expect(limiter.isTypeFull("resize")).toBe(false);
});

test("of the leased jobs those beyond the limit of their type are blocked, in each queue at most its own", () => {
  const { limiter, add, start } = limiterOf({ typeConcurrency: new Map([["resize", 2]]) });
  add("other");
  add("resize", "a");
  add("resize", "a");
  expect(limiter.blocked).toBe(0);
  add("resize", "b");
  expect([limiter.blocked, limiter.blockedIn("a"), limiter.blockedIn("b"), limiter.blockedIn("c")]).toEqual([
    1, 1, 1, 0,
  ]);
  start("resize");
  expect([limiter.blocked, limiter.blockedIn("a"), limiter.blockedIn("b")]).toEqual([2, 2, 1]);
  start("resize");
  start("resize");
  expect([limiter.blocked, limiter.blockedIn("a"), limiter.blockedIn("b")]).toEqual([3, 2, 1]);
});
