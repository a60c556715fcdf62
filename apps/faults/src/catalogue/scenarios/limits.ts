import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type JobLimit } from "@waybill/core";
import { type Fault, intervalsOf, overlapsOf } from "../../limits/overlaps.ts";
import { mostWithin, readLimited } from "../../limits/record.ts";
import { eventually, type Running } from "../../process.ts";
import type { FaultContext } from "../frame/context.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, type Measured, none, onlyOn, type Scenario } from "../frame/scenario.ts";

/** A busy machine holds a process up for a second, and then its lease ends though nobody froze it. */
const LEASE_MS = 3_000;
const KEYS = 5;
const WORKERS = 3;

const limitedBy = (limit: object) =>
  defineJob<{ key: string }>({
    type: "limited",
    limits: [{ ...limit, key: ({ key }) => key } as JobLimit<{ key: string }>],
  });

export const killedLimits: Scenario = {
  name: "limits under kills",
  promise:
    "While workers are killed and frozen at random, never do two jobs of a key run whose leases both hold, and every job runs.",
  rows: [],
  on: everywhere,
  // The packages of SQLite and PostgreSQL, which keep the keys themselves, have kill tests of their own.
  cut: ["bullmq", "sqs"],
  duplicates: {
    most: (size) => (size === "full" ? 50 : 5) * 10,
    why: "what had ended and was not stored when its worker was killed or frozen runs again",
  },
  load: "works",
  server: "shared",
  async run({ freshStore, connected, started, pick, random, target }) {
    const kills = pick(5, 50);
    const store = await freshStore();
    const record = join(store.folder, "runs");
    const limit = { concurrency: 1 };
    // The brokers keep no records: they borrow a ledger.
    const ledger = target.keepsWorkerRegistry ? {} : { ledger: `sqlite:${join(store.folder, "ledger.db")}` };
    const jobs = await connected(store.url, ledger);
    const limited = limitedBy(limit);
    const settings = JSON.stringify({ limit, workers: 1, lease: LEASE_MS, ms: 150, ...ledger });
    const start = (): Running => started("limits/worker", store.url, record, settings);
    const workers = Array.from({ length: WORKERS }, start);
    const faults: Fault[] = [];
    const ids: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      for (let n = 0; n < 15; n += 1) ids.push((await jobs.enqueue(limited, { key: `k${ids.length % KEYS}` })).id);
      const at = kill % WORKERS;
      const victim = workers[at] as Running;
      // One that has not begun proves nothing.
      await eventually(() => victim.lines.some(({ event }) => event === "booted"), "the worker has started");
      await sleep(200 + random() * 300);
      if (kill % 4 === 3) {
        const frozenAt = Date.now();
        victim.kill("SIGSTOP");
        await sleep(2 * LEASE_MS);
        faults.push({ pid: victim.pid, at: frozenAt, until: Date.now() });
        victim.kill("SIGCONT");
        continue;
      }
      victim.kill("SIGKILL");
      faults.push({ pid: victim.pid, at: Date.now(), until: null });
      workers[at] = start();
    }
    const ends = (): string[] => readLimited(record).flatMap(({ what, id }) => (what === "end" ? [id] : []));
    const missing = (): string[] => {
      const ended = new Set(ends());
      return ids.filter((id) => !ended.has(id));
    };
    await eventually(() => missing().length === 0, "every job has run", 180_000).catch(() => null);
    const lost = missing();
    const intervals = intervalsOf(readLimited(record), faults);
    assert.deepEqual(overlapsOf(intervals), [], "two jobs of a key ran at once");
    // A frozen job keeps its key until its lease has run out: two thirds of it were left at least, less a tick of the renewal.
    for (const { key, from, frozenAt, id } of intervals) {
      if (frozenAt === null) continue;
      const next = intervals.find(
        (other) => other.key === key && other.from > from && (other.id !== id || other.from !== from),
      );
      if (next !== undefined && next.from < frozenAt + 2 * LEASE_MS)
        assert.ok(next.from - frozenAt > LEASE_MS / 3, `a key was free ${next.from - frozenAt} ms after its job froze`);
    }
    return { accepted: ids.length, lost, duplicated: timesMoreThanOnce(ends()) };
  },
};

const RATE = 100;
const BURST = 20;
const PROCESSES = 4;

export const rates: Scenario = {
  name: "rates",
  promise: `Eight workers in four processes share a rate of ${RATE} a second with a burst of ${BURST}: never more start in any second, and each is released twice at most.`,
  rows: [],
  on: onlyOn(
    ["sqlite", "bullmq", "postgres"],
    "a broker counts no rates; core counts them in a ledger, which is one of these",
  ),
  cut: ["sqlite", "bullmq"],
  duplicates: none,
  load: "alone",
  server: "shared",
  async run({ freshStore, connected, started, pick }) {
    const seconds = pick(5, 60);
    // Of the rate. The full run asks for the whole throughput; a busy machine may do less.
    const leastShare = pick(0.2, 0.95);
    const store = await freshStore();
    const record = join(store.folder, "starts");
    const limit = { rate: `${RATE}/1s`, burst: BURST };
    const job = limitedBy(limit);
    const jobs = await connected(store.url);
    const count = RATE * (seconds + 3);
    const items = Array.from({ length: count }, () => ({ job, payload: { key: "stripe" } }));
    for (const result of await jobs.enqueueMany(items)) if (!result.ok) throw result.error;
    const settings = JSON.stringify({ limit, workers: 2 });
    const workers = Array.from({ length: PROCESSES }, () => started("limits/worker", store.url, record, settings));
    const starts = await eventually(
      () => {
        const all = readLimited(record).filter(({ what }) => what === "start");
        return all.length > 0 && Date.now() - (all[0]?.at ?? 0) > (seconds + 1) * 1_000 && all;
      },
      "the jobs have run for long enough",
      (seconds + 90) * 1_000,
    );
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) assert.equal(await worker.ended, 0);

    const times = starts.map(({ at }) => at).toSorted((a, b) => a - b);
    const most = mostWithin(times, 1_000);
    assert.ok(most <= RATE + BURST, `${most} started within a second`);
    // The first second is that of processes that start.
    const from = (times[0] ?? 0) + 1_000;
    const within = times.filter((at) => at >= from && at < from + (seconds - 1) * 1_000);
    const share = within.length / (RATE * (seconds - 1));
    assert.ok(share >= leastShare, `only ${Math.round(share * 100)} % of the rate was used`);
    const releases = Math.max(...starts.map((start) => start.releases));
    assert.ok(releases <= 2, `a job was released ${releases} times`);
    return { accepted: count, lost: [], duplicated: timesMoreThanOnce(starts.map(({ id }) => id)) };
  },
};

export const hotKey: Scenario = {
  name: "hot key",
  promise: "Many jobs of one key that run one by one do not hold up the jobs of other keys behind them.",
  rows: [],
  on: onlyOn(["sqlite", "bullmq", "postgres"], "a broker delivers in order and leaves no key out"),
  cut: ["sqlite", "postgres"],
  duplicates: none,
  load: "works",
  server: "shared",
  async run(context) {
    const hot = context.pick(500, 10_000);
    const others = hot / 10;
    const hotRuns = await hotRunsBefore(context, hot, others);
    return {
      accepted: hot + others,
      lost: [],
      duplicated: 0,
      violations: hotRuns < hot / 2 ? [] : [`${hotRuns} of ${hot} jobs of the hot key ran before the others`],
    } satisfies Measured;
  },
};

/** How many jobs of the hot key have run when those of all other keys have started. */
async function hotRunsBefore({ freshStore, connected, started }: FaultContext, hot: number, others: number) {
  const store = await freshStore();
  const record = join(store.folder, "runs");
  const limit = { concurrency: 1 };
  const limited = limitedBy(limit);
  const jobs = await connected(store.url);
  const keys = [...Array.from({ length: hot }, () => "hot"), ...Array.from({ length: others }, (_, n) => `k${n}`)];
  for (const result of await jobs.enqueueMany(keys.map((key) => ({ job: limited, payload: { key } }))))
    if (!result.ok) throw result.error;
  const settings = JSON.stringify({ limit, workers: 1, concurrency: 20, ms: 20 });
  for (let worker = 0; worker < 2; worker += 1) started("limits/worker", store.url, record, settings);
  const starts = await eventually(
    () => {
      const all = readLimited(record).filter(({ what }) => what === "start");
      return all.filter(({ key }) => key !== "hot").length === others && all;
    },
    "the jobs of the other keys have started",
    180_000,
  );
  return starts.filter(({ key }) => key === "hot").length;
}
