import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { eventually, type Running } from "../../process.ts";
import { readLines } from "../../record.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

export const crowd: Scenario = {
  name: "crowd",
  promise: "Two producers and two workers share many jobs: each runs once, none is lost.",
  rows: [],
  on: everywhere,
  duplicates: none,
  // drain 1 s, abort 1 s, close 2 s.
  exitLimitMs: 4_000,
  load: "alone",
  server: "shared",
  async run({ freshStore, started, target, pick }) {
    const crowded = pick(target.crowd / 5, target.crowd);
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const promised = ["a", "b"].map((name) => join(store.folder, `promised-${name}`));
    const settings = JSON.stringify({ queues: ["default"], concurrency: 50, lease: "30s" });
    const workers = [1, 2].map(() => started("worker", store.url, ledger.record, settings));
    const half = String(crowded / 2);
    const producers = promised.map((file) => started("producer", store.url, file, "default", half));
    for (const producer of producers) assert.equal(await producer.ended, 0);
    const ids = promised.flatMap(readLines);
    assert.equal(new Set(ids).size, crowded);
    const lost = await ledger.settle(ids);
    const asked = performance.now();
    for (const worker of workers) worker.kill("SIGTERM");
    const exits = workers.map(async ({ ended }) => {
      assert.equal(await ended, 0);
      return performance.now() - asked;
    });
    const exitsMs = await Promise.all(exits);
    const completed = workers.reduce((sum, { lines }) => sum + Number(lines.at(-1)?.["completed"]), 0);
    const expected = crowded - lost.length;
    return {
      accepted: ids.length,
      lost,
      duplicated: ledger.duplicated(),
      exitsMs,
      violations: [
        ...(completed === expected ? [] : [`the workers say that ${completed} jobs are completed, of ${expected}`]),
        ...(ledger.deeds().length === expected ? [] : [`${ledger.deeds().length} runs of ${expected} jobs`]),
      ],
    };
  },
};

/** With 20 slots and as much prefetch, a kill may repeat 39 jobs. */
const SLOTS = 20;
const REPEATS_A_KILL = 2 * SLOTS - 1;
const killsOf = (isFull: boolean): number => (isFull ? 40 : 4);

export const manyWithKills: Scenario = {
  name: "many jobs with kills",
  promise: "While producers and workers are killed again and again, none of 100,000 accepted jobs is lost.",
  rows: [],
  on: everywhere,
  cut: ["sqlite", "postgres"],
  duplicates: {
    most: (size) => killsOf(size === "full") * REPEATS_A_KILL,
    why: "each kill of a worker may repeat what ended there and was not stored yet: the prefetch and the concurrency, less one",
  },
  load: "works",
  server: "shared",
  async run({ freshStore, started, pick, random, target }) {
    const total = pick(1_500, target.name === "sqs" ? 20_000 : 100_000);
    const kills = pick(killsOf(false), killsOf(true));
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const settings = { queues: ["default"], concurrency: SLOTS, prefetch: SLOTS, lease: "5s" };
    const work = (): Running => started("worker", store.url, ledger.record, JSON.stringify(settings));
    const missing = (): number => Math.max(0, total - ledger.accepted().length);
    const produce = (): Running =>
      started("producer", store.url, ledger.promised, "default", String(missing()), "persistent");
    const workers = [work(), work()];
    let producer = produce();
    const each = total / (kills + 1);
    for (let kill = 0; kill < kills; kill += 1) {
      const aim = (kill + 1) * each;
      await eventually(() => ledger.deeds("end").length >= aim, `${Math.round(aim)} jobs have run`, 300_000);
      await sleep(random() * 100);
      workers[kill % 2]?.kill("SIGKILL");
      workers[kill % 2] = work();
      if (kill % 4 !== 3) continue;
      producer.kill("SIGKILL");
      await producer.ended;
      producer = produce();
    }
    assert.equal(await producer.ended, 0);
    const lost = await ledger.settle([], 60_000);
    return { accepted: ledger.accepted().length, lost, duplicated: ledger.duplicated() };
  },
};
