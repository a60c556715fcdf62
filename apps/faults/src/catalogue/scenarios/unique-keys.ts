import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isWaybillError, type Jobs } from "@waybill/core";
import { eventually, type Running } from "../../process.ts";
import { uniqueFaults } from "../../unique/faults.ts";
import { readUnique, uniqueJobs } from "../../unique/jobs.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, type Scenario } from "../frame/scenario.ts";

const PROCESSES = 4;
const PRODUCERS = 5;
/** Of unique/worker.ts, which prefetches nothing. */
const CONCURRENCY = 20;

export const uniqueKeys: Scenario = {
  name: "unique keys under kills",
  promise:
    "While 20 producers race for keys and workers are killed, no two jobs have one key, none is lost, and no key stays taken.",
  rows: [],
  on: everywhere,
  // The packages of PostgreSQL and Redis have races of their own.
  cut: ["sqlite", "rabbitmq"],
  duplicates: { most: "measured", why: "what had ended and was not stored when its worker was killed runs again" },
  load: "works",
  server: "shared",
  async run({ freshStore, connected, started, pick, target }) {
    const enqueues = pick(400, 10_000);
    const keys = pick(20, 100);
    const store = await freshStore();
    const record = join(store.folder, "deeds");
    // Where the store keeps no keys, a file does.
    const ledger = target.keepsWorkerRegistry ? {} : { ledger: `sqlite:${join(store.folder, "ledger.db")}` };
    const jobs = await connected(store.url, ledger);
    const work = (): Running => started("unique/worker", store.url, record, JSON.stringify({ ...ledger, lease: "2s" }));
    const workers = [work(), work()];
    await eventually(() => workers.every(({ lines }) => lines.some(({ event }) => event === "booted")), "workers");
    const times = enqueues / PROCESSES / PRODUCERS;
    const settings = JSON.stringify({ producers: PRODUCERS, times, keys, ...ledger });
    const producers = Array.from({ length: PROCESSES }, () => started("unique/producer", store.url, record, settings));
    const race = { isOn: true };
    const raced = Promise.all(producers.map(({ ended }) => ended)).finally(() => (race.isOn = false));
    const kills: number[] = [];
    while (race.isOn) {
      const at = kills.length % workers.length;
      const victim = workers[at] as Running;
      // One that has not begun proves nothing.
      await eventually(() => !race.isOn || victim.lines.some(({ event }) => event === "booted"), "a worker");
      await sleep(300);
      kills.push(Date.now());
      victim.kill("SIGKILL");
      workers[at] = work();
    }
    assert.deepEqual(await raced, Array<number>(PROCESSES).fill(0));
    const faults = (): string[] => uniqueFaults(readUnique(record), kills);
    await eventually(
      () => faults().every((fault) => !fault.endsWith("never ran")),
      "every job that was stored has run",
      pick(120_000, 240_000),
    ).catch(() => undefined);
    const found = faults();
    const taken = await takenKeys(jobs, keys);
    const deeds = readUnique(record);
    const stored = deeds.filter(({ what }) => what === "stored");
    return {
      accepted: stored.length,
      lost: found.filter((fault) => fault.endsWith("never ran")),
      duplicated: timesMoreThanOnce(deeds.flatMap(({ what, id }) => (what === "end" ? [id] : []))),
      predicted: kills.length * (CONCURRENCY - 1),
      violations: [
        ...found.filter((fault) => !fault.endsWith("never ran")),
        ...taken.map((key) => `key ${key} stays taken`),
        ...(stored.length > keys ? [] : [`only ${stored.length} jobs were stored`]),
      ],
    };
  },
};

/** Keys that are not free. Those that died while they stored an end are taken for a minute at most where a ledger keeps the keys. */
async function takenKeys(jobs: Jobs, count: number): Promise<string[]> {
  const taken: string[] = [];
  const until = performance.now() + 100_000;
  for (const definition of uniqueJobs(async () => {})) {
    for (let key = 0; key < count; key += 1) {
      const payload = { key: `k${key}`, ms: 0, ends: "well" } as const;
      const isFree = (): Promise<boolean> =>
        jobs
          .enqueue(definition, payload, { unique: { onConflict: "reject" }, delay: "1m" })
          .then(() => true)
          .catch((error: unknown) => {
            if (isWaybillError(error, "DUPLICATE_JOB")) return false;
            throw error;
          });
      let free = await isFree();
      for (; !free && performance.now() < until; free = await isFree()) await sleep(250);
      if (!free) taken.push(`${definition.type} k${key}`);
    }
  }
  return taken;
}
