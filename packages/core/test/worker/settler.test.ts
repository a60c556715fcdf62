import { expect, test } from "vitest";
import { EventBus, type EventName, type Outcome, WaybillError } from "../../src/index.ts";
import { completed, completedBefore, dead, release } from "../../src/job/outcome.ts";
import { createReachability } from "../../src/observability/reachability.ts";
import type { InFlightJob } from "../../src/worker/in-flight-job.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { PrefetchPolicy } from "../../src/worker/prefetch-policy.ts";
import { createSettler } from "../../src/worker/settler.ts";
import { soon } from "../helpers/connected.ts";
import { lease } from "../helpers/lease.ts";

/** A settler whose every call on the backend is `store`; and what came of it. */
function settlerOf(store: (call: string) => Promise<void> = async () => {}) {
  const calls: string[] = [];
  const call = (name: string) => {
    calls.push(name);
    return store(name);
  };
  const events = new EventBus();
  const seen: [EventName, object][] = [];
  for (const name of ["settled", "rejected", "lease_lost", "unavailable", "recovered"] as const)
    events.on(name, (event) => void seen.push([name, event]));
  const inFlight = new InFlightJobs();
  const prefetch = new PrefetchPolicy({ concurrency: 10, prefetch: 500 });
  for (let n = 0; n < 100; n++) prefetch.jobEnded(1);
  const ended: string[] = [];
  const settler = createSettler({
    seam: {
      ack: async () => call("ack").then(() => null),
      retry: async (_, { delayMs, countsAttempt }) => call(`retry ${delayMs} ${countsAttempt}`),
      deadLetter: async (_, { code }) => call(`deadLetter ${code}`),
    },
    inFlight,
    prefetch,
    events,
    reachability: createReachability(events, "worker-1"),
    worker: "worker-1",
    ended: (id) => void ended.push(id),
    returned: () => undefined,
  });
  const add = (leftMs: number | null = null): InFlightJob => {
    const job = inFlight.add({ ...lease, expiresAt: leftMs === null ? null : Date.now() + leftMs });
    inFlight.start(job);
    inFlight.settle(job);
    return job;
  };
  return { settler, calls, ended, seen, names: () => seen.map(([name]) => name), inFlight, prefetch, add };
}

const away = new WaybillError("BACKEND_UNAVAILABLE", "away for lunch");
const fails: Outcome = { kind: "retry", delayMs: 7, reason: { code: "E", message: "" }, error: new Error("no") };
const discard: Outcome = { kind: "dead", reason: { code: "DISCARDED", message: "" }, kept: false };

test.each<[string, Outcome, string[], object]>([
  ["completed", completed, ["ack"], { completed: 1 }],
  ["completed by its handler's transaction", completedBefore, [], { completed: 1 }],
  ["retry", fails, ["retry 7 true"], { retried: 1 }],
  ["release", release(5, "BUSY", ""), ["retry 5 false"], { released: 1 }],
  ["dead", dead("EXPIRED", ""), ["deadLetter EXPIRED"], { dead: 1 }],
  ["discarded", discard, ["ack"], { discarded: 1 }],
])("an outcome is stored, counted and reported once, and its job is settled: %s", async (_, outcome, calls, counts) => {
  const { settler, calls: made, seen, inFlight, add } = settlerOf();
  const job = add();
  job.ranMs = 12.34;
  await settler.store(job, outcome);
  const none = { completed: 0, retried: 0, released: 0, dead: 0, discarded: 0, rejected: 0, lost: 0 };
  expect([made, settler.counts]).toEqual([calls, { ...none, ...counts }]);
  const { id, type, queue } = lease;
  const event = { id, type, queue, outcome: outcome.kind, worker: "worker-1", durationMs: 12.3 };
  expect(seen).toEqual([["settled", expect.objectContaining(event)]]);
  expect([job.state, inFlight.size]).toEqual(["settled", 0]);
});

test("a delivery that is no envelope is kept, and counted and reported as rejected alone", async () => {
  const { settler, calls, seen, inFlight, add } = settlerOf();
  const reason = { code: "JSON_SYNTAX", message: "not JSON" };
  await settler.store(add(), { kind: "dead", reason, kept: true, rejected: true });
  expect(calls).toEqual(["deadLetter JSON_SYNTAX"]);
  expect(seen).toEqual([["rejected", expect.objectContaining({ id: "id", reason, worker: "worker-1" })]]);
  expect([settler.counts.rejected, settler.counts.dead, inFlight.size]).toEqual([1, 0, 0]);
});

test("while the backend is unavailable it tries again, with growing waits, and prefetches nothing", async () => {
  let failures = 0;
  const { settler, calls, names, prefetch, inFlight, add } = settlerOf(async () => {
    if (++failures <= 3) throw away;
  });
  expect(prefetch.ahead).toBeGreaterThan(0);
  const startedAt = performance.now();
  await settler.store(add(), completed);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(50 + 100 + 200 - 5);
  expect(calls).toHaveLength(4);
  expect(names()).toEqual(["unavailable", "recovered", "settled"]);
  expect([prefetch.mode(0), inFlight.size, settler.counts.completed]).toEqual(["ttl_expired", 0, 1]);
});

test("it gives up when the lease has run out, reports the lease as lost, and waits for this outcome no longer", async () => {
  const { settler, calls, seen, names, inFlight, add } = settlerOf(() => Promise.reject(away));
  await soon(settler.store(add(-1), completed), () => `it has not given up after ${calls.length} calls`);
  expect(calls).toEqual(["ack"]);
  expect(names()).toEqual(["unavailable", "recovered", "lease_lost"]);
  expect(seen.at(-1)?.[1]).toMatchObject({ id: "id", attempt: 1, worker: "worker-1", during: "settle" });
  expect([settler.counts.lost, settler.counts.completed, inFlight.size]).toEqual([1, 0, 0]);
});

test("the backend has not recovered while the outcome of another job cannot be stored", async () => {
  let isAway = true;
  const { settler, names, add } = settlerOf(async () => {
    if (isAway) throw away;
  });
  const other = settler.store(add(), completed);
  await settler.store(add(-1), completed);
  expect(names()).toEqual(["unavailable", "lease_lost"]);
  isAway = false;
  await other;
  expect(names()).toEqual(["unavailable", "lease_lost", "recovered", "settled"]);
});

test("an outcome that was stored in the end does not keep the backend from having recovered", async () => {
  let failures = 0;
  const { settler, names, add } = settlerOf(async () => {
    if (++failures !== 2) throw away;
  });
  await settler.store(add(), completed);
  await settler.store(add(-1), completed);
  expect(names()).toEqual(["unavailable", "recovered", "settled", "unavailable", "recovered", "lease_lost"]);
});

test("a settle that the backend refuses for good is not tried again", async () => {
  const { settler, calls, names, add } = settlerOf(() => Promise.reject(new WaybillError("LEASE_LOST", "too late")));
  await settler.store(add(200), completed);
  expect([calls, names()]).toEqual([["ack"], ["lease_lost"]]);
});

test("the outcome of a job whose lease is lost is not stored", async () => {
  const { settler, calls, seen, inFlight, add } = settlerOf();
  const job = add();
  job.isLost = true;
  await settler.store(job, completed);
  expect(calls).toEqual([]);
  expect(seen).toEqual([["lease_lost", expect.objectContaining({ id: "id", during: "run" })]]);
  expect([settler.counts.lost, inFlight.size]).toEqual([1, 0]);
});

test("only a job that has ended is reported as ended, and only once its end is stored", async () => {
  const { settler, ended, add } = settlerOf();
  await settler.store(add(), fails);
  expect(ended).toEqual([]);
  await settler.store(add(), discard);
  await settler.store(add(), completed);
  expect(ended).toEqual(["id", "id"]);
  const refused = settlerOf(() => Promise.reject(new WaybillError("LEASE_LOST", "too late")));
  await refused.settler.store(refused.add(), completed);
  expect(refused.ended).toEqual([]);
});
