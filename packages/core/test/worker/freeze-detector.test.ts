import { expect, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { detectFreezes } from "../../src/worker/freeze-detector.ts";
import { connected, eventOf, memoryWith, settledCount, soon } from "../helpers/connected.ts";

/** Long enough for a machine with much else to do: a lease that runs out by itself is another matter. */
const LEASE_MS = 800;
/** Quick jobs are prefetched only once many have been quick. */
const WARM = 60;

/** Holds the event loop: no timer runs, and no lease is extended. */
function freeze(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("a job that was prefetched before the process froze for longer than its lease does not start from that lease", async () => {
  const starts: { id: string; delivery: number }[] = [];
  let blocks = 0;
  const [prefetched, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const quick = defineJob({
    type: "quick",
    handler: (_, { id, delivery }) => void starts.push({ id, delivery: delivery.lost + delivery.releases }),
  });
  const block = defineJob({ type: "block", handler: () => freeze(++blocks === 1 ? 2 * LEASE_MS : 0) });
  const wait = defineJob({ type: "wait", handler: () => gate.promise });
  let leased = 0;
  const counting = memoryWith((memory) => ({
    async lease(call) {
      const leases = await memory.lease(call);
      if ((leased += leases.length) >= WARM + 7) prefetched.resolve();
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
  await soon(prefetched.promise, () => `${leased} jobs were leased, not ${WARM + 7}`);
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

test("a response that waited unread through two freezes in a row may be as old as the first", () => {
  const freezes = detectFreezes();
  const calledAt = performance.now();
  const longerThanABeat = 550;
  freeze(longerThanABeat);
  const afterFirst = performance.now();
  freezes.respondedSince(afterFirst);
  freeze(longerThanABeat);
  expect(freezes.respondedSince(calledAt)).toBe(calledAt);
  freezes.end();
});

test("while the event loop turns, a response was sent when it is read; after one freeze, it may be as old as that", async () => {
  const freezes = detectFreezes();
  const calledAt = performance.now();
  for (let n = 0; n < 30; n++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(freezes.respondedSince(calledAt)).toBeGreaterThan(calledAt + 290);
  const frozenFrom = performance.now();
  freeze(550);
  expect(freezes.respondedSince(calledAt)).toBeGreaterThan(frozenFrom - 250);
  expect(freezes.respondedSince(calledAt)).toBeLessThanOrEqual(frozenFrom);
  const after = performance.now();
  expect(freezes.respondedSince(after)).toBeGreaterThanOrEqual(after);
  freezes.end();
});
