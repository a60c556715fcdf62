import { expect, test } from "vitest";
import { defineJob } from "../src/index.ts";
import { watchStandstill } from "../src/standstill.ts";
import { connected, eventOf, memoryWith, settledCount } from "./connected.ts";

const LEASE_MS = 200;
/** Quick jobs are prefetched only once many have been quick. */
const WARM = 60;

/** Holds the event loop: no timer runs, and no lease is extended. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("what a process had prefetched when it stood still past its lease does not start from that lease", async () => {
  const starts: { id: string; delivery: number }[] = [];
  let blocks = 0;
  const [prefetched, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const quick = defineJob({
    type: "quick",
    handler: (_, { id, delivery }) => void starts.push({ id, delivery: delivery.lost + delivery.releases }),
  });
  const block = defineJob({ type: "block", handler: () => standStill(++blocks === 1 ? 2 * LEASE_MS : 0) });
  const wait = defineJob({ type: "wait", handler: () => gate.promise });
  let leased = 0;
  const counting = memoryWith((memory) => ({
    async lease(call) {
      const leases = await memory.lease(call);
      if ((leased += leases.length) === WARM + 7) prefetched.resolve();
      return leases;
    },
  }));
  const jobs = await connected(counting);
  const warm = settledCount(jobs, WARM);
  await jobs.worker({ jobs: [quick, block, wait], concurrency: 1, lease: LEASE_MS }).start();
  for (let n = 0; n < WARM; n++) await jobs.enqueue(quick, {});
  await warm;

  const all = eventOf(jobs, "settled", () => starts.length === WARM + 5);
  const types = [wait, block, quick, quick, quick, quick, quick];
  const ids = (await Promise.all(types.map((job) => jobs.enqueue(job, {})))).map(({ id }) => id);
  await prefetched.promise;
  gate.resolve();
  await all;
  const behind = ids.slice(2);
  expect(
    starts
      .slice(WARM)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(behind.sort());
  for (const { delivery } of starts.slice(WARM)) expect(delivery).toBe(1);
});

test("an answer that waited unread through two standstills in a row may be as old as the first", () => {
  const standstill = watchStandstill();
  const askedAt = performance.now();
  const longerThanABeat = 550;
  standStill(longerThanABeat);
  const afterFirst = performance.now();
  standstill.answeredSince(afterFirst);
  standStill(longerThanABeat);
  expect(standstill.answeredSince(askedAt)).toBe(askedAt);
  standstill.end();
});
