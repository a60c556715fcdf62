import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Lease } from "../../src/exports/backend.ts";
import { type Result, WaybillError } from "../../src/index.ts";
import type { InFlightJob } from "../../src/worker/in-flight-job.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { createLeaseRenewal, type LeaseRenewal } from "../../src/worker/lease-renewal.ts";
import { lease } from "../helpers/lease.ts";

const LEASE_MS = 900;
/** Two thirds are left until a lease is extended. */
const DUE_MS = 500;
/** A look is taken as often, a sixth of a lease. */
const TICK_MS = 150;
const renewals: LeaseRenewal[] = [];
afterEach(() => {
  for (const renewal of renewals.splice(0)) renewal.stop();
});

type Extend = (leases: readonly Lease[]) => Promise<Result<number | null>[]>;

const extended: Extend = async (leases) => leases.map(() => ({ ok: true, value: Date.now() + LEASE_MS }));
const failing =
  (code: "LEASE_LOST" | "BACKEND_UNAVAILABLE"): Extend =>
  async (leases) =>
    leases.map(() => ({ ok: false, error: new WaybillError(code, "the test says so") }));

function renewalOf(extend: Extend) {
  const inFlight = new InFlightJobs();
  const calls: string[][] = [];
  const released: InFlightJob[] = [];
  let overdueCalls = 0;
  const renewal = createLeaseRenewal({
    seam: {
      extend: (leases) => {
        calls.push(leases.map(({ id }) => id));
        return extend(leases);
      },
    },
    inFlight,
    leaseMs: LEASE_MS,
    release: (job) => {
      inFlight.settle(job);
      released.push(job);
    },
    releaseOverdue: () => overdueCalls++,
  });
  renewals.push(renewal);
  const add = (id: string, leftMs = LEASE_MS): InFlightJob =>
    inFlight.add({ ...lease, id, expiresAt: Date.now() + leftMs });
  return { renewal, inFlight, calls, released, add, overdueCalls: () => overdueCalls };
}

test("leases of which a third is spent are extended in one call, in whatever state their jobs are; others are not", async () => {
  const { renewal, inFlight, calls, add } = renewalOf(extended);
  const [leased, running, settling] = [add("leased", DUE_MS), add("running", DUE_MS), add("settling", DUE_MS)];
  inFlight.start(running);
  inFlight.settle(settling);
  add("fresh", 60_000);
  renewal.wake();
  await expect.poll(() => calls[0]).toEqual(["leased", "running", "settling"]);
  await expect.poll(() => leased.needsRenewal(LEASE_MS), { interval: 1 }).toBe(false);
});

test("a job stays leased for as long as it runs", async () => {
  const { renewal, inFlight, add } = renewalOf(extended);
  const job = add("1");
  inFlight.start(job);
  renewal.wake();
  await sleep(1.5 * LEASE_MS);
  expect([job.isLost, job.hasExpired]).toEqual([false, false]);
});

test("while a call has not returned, no second one is made", async () => {
  const { renewal, calls, add } = renewalOf(() => new Promise(() => {}));
  add("1", DUE_MS);
  renewal.wake();
  await sleep(3 * TICK_MS);
  expect(calls).toEqual([["1"]]);
});

test("a lease that the backend says is lost aborts its handler, and releases a job that has not started", async () => {
  const { renewal, inFlight, released, add } = renewalOf(failing("LEASE_LOST"));
  const [running, leased, settling] = [add("1", DUE_MS), add("2", DUE_MS), add("3", DUE_MS)];
  inFlight.start(running);
  inFlight.settle(settling);
  renewal.wake();
  await expect.poll(() => running.isLost).toBe(true);
  expect(running.handle.signal.reason).toMatchObject({ code: "LEASE_LOST", message: /the lease on job "1" ran out/ });
  expect([leased.isLost, released.map(({ id }) => id)]).toEqual([true, ["2"]]);
  expect([settling.isLost, settling.state]).toEqual([false, "settling"]);
});

test("a lease that has run out is lost without a call", async () => {
  const { renewal, released, calls, add } = renewalOf(extended);
  add("1", -1);
  renewal.wake();
  await expect.poll(() => released.map(({ isLost }) => isLost)).toEqual([true]);
  expect(calls).toEqual([]);
});

test("an extension that fails loses nothing before the lease runs out, and the lease then", async () => {
  const { renewal, inFlight, calls, add } = renewalOf(failing("BACKEND_UNAVAILABLE"));
  const job = add("1", DUE_MS);
  inFlight.start(job);
  renewal.wake();
  await expect.poll(() => calls.length).toBeGreaterThanOrEqual(1);
  expect(job.isLost).toBe(job.hasExpired);
  await expect.poll(() => job.isLost).toBe(true);
  expect(job.hasExpired).toBe(true);
});

test("a lease that runs out while its extension has not returned is lost when that fails", async () => {
  const { promise, resolve } = Promise.withResolvers<Result<number | null>[]>();
  const { renewal, inFlight, calls, add } = renewalOf(() => promise);
  const job = add("1", DUE_MS);
  inFlight.start(job);
  renewal.wake();
  await expect.poll(() => calls.length).toBe(1);
  renewal.stop();
  await sleep(DUE_MS);
  expect(job.isLost).toBe(false);
  resolve([{ ok: false, error: new WaybillError("BACKEND_UNAVAILABLE", "away") }]);
  await expect.poll(() => job.isLost).toBe(true);
});

test("each look releases what has waited too long", async () => {
  const { renewal, overdueCalls, add } = renewalOf(extended);
  add("1");
  renewal.wake();
  await expect.poll(overdueCalls).toBeGreaterThanOrEqual(2);
});

test("no timer runs while no job is in flight, nor after stop", async () => {
  const { renewal, inFlight, overdueCalls, add } = renewalOf(extended);
  renewal.wake();
  await sleep(1.5 * TICK_MS);
  expect(overdueCalls()).toBe(0);
  const job = add("1");
  renewal.wake();
  renewal.wake();
  renewal.stop();
  await sleep(1.5 * TICK_MS);
  expect(overdueCalls()).toBe(0);
  renewal.wake();
  await expect.poll(overdueCalls).toBeGreaterThanOrEqual(1);
  inFlight.settle(job);
  inFlight.remove(job);
  await sleep(2 * TICK_MS);
  const calls = overdueCalls();
  await sleep(1.5 * TICK_MS);
  expect(overdueCalls()).toBe(calls);
});
