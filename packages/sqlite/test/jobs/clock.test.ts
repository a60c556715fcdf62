import { describe, expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

/** The clock of this process, which a test may set. */
function settableClock(): { now: () => number; set: (byMs: number) => void } {
  let offset = 0;
  return { now: () => Date.now() + offset, set: (byMs) => void (offset += byMs) };
}

const HOUR_MS = 3_600_000;

describe("a clock set back an hour strands no job", () => {
  test("a dead worker's job is leased by another within the lease and 2 s", async () => {
    const clock = settableClock();
    const path = temporaryFile();
    const dead = await open({ path }, clock);
    await dead.enqueue([message()]);
    await lease(dead, { leaseMs: 500 });
    clock.set(-HOUR_MS);
    const begun = performance.now();
    const other = await open({ path }, clock);
    const [taken] = await lease(other, { waitMs: 10_000 });
    expect(taken?.lost).toBe(1);
    expect(performance.now() - begun).toBeLessThan(2_500);
  });

  test("a living worker keeps its job", async () => {
    const clock = settableClock();
    const backend = await open({ path: temporaryFile() }, clock);
    await backend.enqueue([message()]);
    const oneLease = await lease(backend, { leaseMs: 2_000 });
    clock.set(-HOUR_MS);
    expect(await lease(backend, { waitMs: 700 })).toEqual([]);
    expect(await backend.ack(oneLease)).toEqual([{ ok: true, value: null }]);
  });

  test("a delay then lasts its own length, and not an hour more", async () => {
    const clock = settableClock();
    const backend = await open({ path: temporaryFile() }, clock);
    await backend.enqueue([message({ delayMs: 600 })]);
    clock.set(-HOUR_MS);
    const begun = performance.now();
    const [taken] = await lease(backend, { waitMs: 10_000 });
    expect(taken?.dueAt).toBeLessThanOrEqual(clock.now());
    expect(performance.now() - begun).toBeGreaterThan(590);
    expect(performance.now() - begun).toBeLessThan(2_600);
  });
});

test("a clock set forward an hour strands no job", async () => {
  const clock = settableClock();
  const backend = await open({ path: temporaryFile() }, clock);
  await backend.enqueue([message({ id: "leased" }), message({ id: "delayed", delayMs: 60_000 })]);
  await lease(backend, { leaseMs: 60_000 });
  clock.set(HOUR_MS);
  const taken = [...(await lease(backend, { waitMs: 5_000 })), ...(await lease(backend, { waitMs: 5_000 }))];
  expect(taken.map(({ id }) => id).toSorted()).toEqual(["delayed", "leased"]);
});

test("a delayed job is delivered when its delay ends, and not before", async () => {
  const backend = await open({ path: temporaryFile(), pollMs: 5_000 });
  // The delay counts from the write, which is between this and the end of the call.
  const begun = performance.now();
  await backend.enqueue([message({ delayMs: 200 })]);
  await lease(backend, { waitMs: 5_000 });
  expect(performance.now() - begun).toBeGreaterThan(199);
  // Well before the next poll.
  expect(performance.now() - begun).toBeLessThan(4_000);
});

test("a wait that ends without a job ends on time, also while nothing is polled", async () => {
  const backend = await open({ path: temporaryFile(), pollMs: 5_000 });
  const begun = performance.now();
  expect(await lease(backend, { waitMs: 100 })).toEqual([]);
  expect(performance.now() - begun).toBeGreaterThan(99);
  expect(performance.now() - begun).toBeLessThan(4_000);
});
