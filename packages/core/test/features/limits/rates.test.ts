import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob } from "../../../src/index.ts";
import type { LedgerBackend } from "../../../src/exports/backend.ts";
import { decideTurns } from "../../../src/features/limits/rate-turns.ts";
import { rateKeysOf } from "../../../src/features/limits/rate-keys.ts";
import { CLOCK_KEY } from "../../../src/features/limits/store-clock.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf, soon } from "../../helpers/connected.ts";

const bucket = { intervalMs: 100, burst: 1, lateMs: 20 };
const moment = { now: 1_000, soonest: 1_000, ahead: 0 };

test("new jobs start while the near turns last; the others are released, a little less than one interval apart", () => {
  const { decisions, next } = decideTurns(bucket, { arrival: 0, line: 0 }, [0, 0, 0, 0, 0], moment);
  expect(decisions.map(({ start }) => start)).toEqual([1_000, 1_100, 1_200, null, null]);
  expect(decisions.slice(3).map(({ returns }) => returns)).toEqual([1_300, 1_395]);
  expect(next).toEqual({ arrival: 1_300, line: 1_490 });
});

test("while released jobs are to return, a new one gets only turns that are nearly due, and one that returns waits longer", () => {
  const state = { arrival: 1_180, line: 9_000 };
  expect(decideTurns(bucket, state, [0], moment).decisions).toEqual([{ start: null, returns: 9_000 }]);
  expect(decideTurns(bucket, state, [1], moment).decisions).toEqual([{ start: 1_180, returns: 1_180 }]);
  expect(decideTurns(bucket, { ...state, arrival: 900 }, [0], moment).decisions[0]?.start).toBe(1_000);
});

test(
  "a rate counts over workers on connections of their own, and no job is released more than twice",
  { timeout: 20_000 },
  async () => {
    const starts: number[] = [];
    const releases: number[] = [];
    const job = defineJob({
      type: "crm.call",
      limits: [{ key: "crm", rate: "20/1s", burst: 5 }],
      handler: (_, { delivery }) => {
        starts.push(performance.now());
        releases.push(delivery.releases);
      },
    });
    const open = memoryBackend();
    const all = await Promise.all([1, 2, 3].map(() => connected(open)));
    for (let n = 0; n < 50; n++) await all[0]?.enqueue(job, {});
    for (const jobs of all) await jobs.worker({ jobs: [job], concurrency: 4 }).start();
    const done = new Promise<void>((resolve) => {
      for (const jobs of all) jobs.events.on("settled", () => void (starts.length === 50 && resolve()));
    });
    await soon(done, () => `${starts.length} of 50 have started`);
    for (const [at, start] of starts.entries()) {
      const within = starts.filter((other) => other >= start && other <= start + 1_000);
      expect(within.length, `from start ${at}`).toBeLessThanOrEqual(25);
    }
    expect(Math.max(...releases)).toBeLessThanOrEqual(2);
  },
);

test("a job over the rate is released uncounted until shortly before it may start", async () => {
  const job = defineJob({ type: "crm.call", limits: [{ key: "crm", rate: "1/1h" }], handler: () => undefined });
  const jobs = await connected();
  const released = eventOf(jobs, "settled", ({ outcome }) => outcome === "release");
  for (let n = 0; n < 2; n++) await jobs.enqueue(job, {});
  await jobs.worker({ jobs: [job] }).start();
  const event = await released;
  expect(event).toMatchObject({ attempt: 1, reason: { code: "RATE_LIMITED" } });
  expect(event.delayMs).toBeGreaterThan(3_599_000 - 1_000);
  expect(event.delayMs).toBeLessThan(3_601_000);
});

test("a queue has a rate of its own", async () => {
  const job = defineJob({ type: "crm.call", handler: () => undefined });
  const jobs = await connected();
  const released = eventOf(jobs, "settled", ({ reason }) => reason?.code === "RATE_LIMITED");
  for (let n = 0; n < 2; n++) await jobs.enqueue(job, {});
  await jobs.worker({ jobs: [job], queues: { default: { rate: "1/1h" } } }).start();
  expect((await released).reason?.message).toBe('the rate of queue "default" is used up for now');
});

test("jobs of one turn of the event loop share a commit, and a busy key reserves turns ahead", async () => {
  const { ledger } = (await memoryBackend()()) as LedgerBackend;
  let commits = 0;
  const counting = {
    ...ledger,
    commit: (changes: Parameters<typeof ledger.commit>[0]) => (commits++, ledger.commit(changes)),
  };
  const keys = rateKeysOf(counting);
  const rate = { kind: "rate", count: 10_000, perMs: 1_000, burst: 1_000 } as const;
  for (let round = 0; round < 10; round++) {
    const turns = Array.from({ length: 20 }, () => keys.turn("api", "k", rate, { releases: 0 }));
    expect(await Promise.all(turns)).toEqual(Array.from({ length: 20 }, () => null));
  }
  // One of them starts the clock.
  expect(commits).toBeLessThanOrEqual(12);
});

test("keys that are no longer used take no memory, also those that reserved turns ahead", async () => {
  const { ledger } = (await memoryBackend()()) as LedgerBackend;
  const read: typeof ledger.read = async (asked) => (await sleep(3), ledger.read(asked));
  const keys = rateKeysOf({ ...ledger, read });
  const rate = { kind: "rate", count: 10_000, perMs: 1_000, burst: 1_000 } as const;
  /** Jobs that come while others of their key ask. */
  const busy = async (key: string): Promise<void> => {
    const turns: Promise<unknown>[] = [];
    for (let job = 0; job < 40; job++) {
      turns.push(keys.turn("api", key, rate, { releases: 0 }));
      await sleep(1);
    }
    await Promise.all(turns);
  };
  await Promise.all(Array.from({ length: 30 }, (_, key) => busy(`customer ${key}`)));
  await expect.poll(() => keys.size, { timeout: 4_000 }).toBe(0);
});

test.each(["{damaged", '{"a":1}'])(
  "a damaged record %s of a rate is replaced, and told once by name",
  async (value) => {
    const { ledger } = (await memoryBackend()()) as LedgerBackend;
    const key = "rate/api/k";
    for (const record of [key, CLOCK_KEY]) await ledger.commit([{ key: record, ifVersion: "any", value }]);
    const told: string[] = [];
    const rate = { kind: "rate", count: 10, perMs: 1_000, burst: 2 } as const;
    const job = { releases: 0, damaged: ({ message }: Error) => void told.push(message) };
    for (let n = 0; n < 2; n++) expect(await rateKeysOf(ledger).turn("api", "k", rate, job)).toBeNull();
    expect(told).toEqual([expect.stringContaining(`"${key}" was damaged`)]);
  },
);
