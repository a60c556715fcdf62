import { expect, test } from "vitest";
import { PrefetchPolicy } from "../../src/worker/prefetch-policy.ts";

function policyOf(concurrency: number, prefetch = 500, { jobs = 0, ranMs = 0.01 } = {}): PrefetchPolicy {
  const policy = new PrefetchPolicy({ concurrency, prefetch });
  for (let n = 0; n < jobs; n++) policy.jobEnded(ranMs);
  return policy;
}

test("a new worker leases as many jobs as slots are free", () => {
  const policy = policyOf(3);
  expect([policy.mode(0), policy.ahead, policy.limit(3, 0), policy.limit(1, 0), policy.limit(0, 0)]).toEqual([
    "starting",
    0,
    3,
    1,
    0,
  ]);
});

test("then it leases ahead twice as many as have ended, from 8 up to the option", () => {
  expect(policyOf(100, 500, { jobs: 40 }).ahead).toBe(80);
  expect(policyOf(100, 500, { jobs: 2 }).ahead).toBe(8);
  expect(policyOf(1, 500, { jobs: 560 }).ahead).toBe(500);
  expect(policyOf(4, 20, { jobs: 500 }).ahead).toBe(20);
  expect(policyOf(4, 0, { jobs: 500 }).ahead).toBe(0);
});

test("no more is leased ahead than the slots finish in a tenth of a second", () => {
  expect(policyOf(2, 500, { jobs: 500, ranMs: 10 }).ahead).toBe(20);
});

test("nothing is leased ahead of jobs that take a second", () => {
  const policy = policyOf(2, 500, { jobs: 50, ranMs: 1_000 });
  expect([policy.mode(0), policy.ahead, policy.limit(2, 0)]).toEqual(["polling", 0, 2]);
});

test("while leased jobs wait, it leases again once half of those ahead have started, or a slot is free", () => {
  const policy = policyOf(2, 20, { jobs: 500 });
  expect([policy.mode(0), policy.limit(0, 0)]).toEqual(["polling", 20]);
  expect([policy.mode(11), policy.limit(0, 11)]).toEqual(["waiting", 0]);
  expect(policy.limit(0, 10)).toBe(10);
  expect(policy.limit(1, 11)).toBe(10);
  expect(policy.limit(1, 30)).toBe(0);
});

test("a job that waited too long ends leasing ahead until jobs are quick again, and then more by and by", () => {
  const policy = policyOf(4, 500, { jobs: 500 });
  policy.expire();
  expect([policy.mode(0), policy.mode(5), policy.ahead, policy.limit(4, 0)]).toEqual([
    "ttl_expired",
    "ttl_expired",
    0,
    4,
  ]);
  policy.jobEnded(1_000);
  expect(policy.mode(0)).toBe("ttl_expired");
  policy.jobEnded(1);
  expect(policy.mode(0)).toBe("polling");
  expect(policy.ahead).toBeLessThanOrEqual(8);
});

test("after a job waited too long, what had ended before counts no more", () => {
  const policy = policyOf(100, 500, { jobs: 500 });
  policy.expire();
  for (let n = 0; n < 3; n++) policy.jobEnded(1);
  expect(policy.ahead).toBe(8);
});

test("as many outcomes are stored at a time as jobs are leased ahead, at least one for each slot and a few", () => {
  expect(policyOf(1).maxSettling).toBe(8);
  expect(policyOf(1, 3).maxSettling).toBe(3);
  expect(policyOf(1, 0).maxSettling).toBe(1);
  expect(policyOf(10).maxSettling).toBe(10);
  expect(policyOf(10, 500, { jobs: 600 }).maxSettling).toBe(500);
});

test("a released policy leases nothing, whatever is free", () => {
  const policy = policyOf(4, 500, { jobs: 500 });
  expect(policy.isReleased).toBe(false);
  policy.release();
  expect([policy.isReleased, policy.mode(0), policy.limit(4, 0)]).toEqual([true, "released", 0]);
});
