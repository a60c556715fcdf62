import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { type Fault, intervalsOf, overlapsOf } from "../src/limits/overlaps.ts";
import { readLimited } from "../src/limits/record.ts";
import { eventually, type Running } from "../src/process.ts";
import { cutTo, isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const KILLS = isFull ? 50 : 8;
const LEASE_MS = 1_000;
const KEYS = 5;
const WORKERS = 3;

const limit = { concurrency: 1 };
const limited = defineJob<{ key: string }>({ type: "limited", limits: [{ ...limit, key: ({ key }) => key }] });

/** The packages of SQLite and PostgreSQL, which keep the keys themselves, have kill tests of their own. */
for (const target of cutTo("bullmq", "sqs")) {
  test(`on ${target.name}, ${WORKERS} workers are killed and frozen at random: never do two jobs of a key run whose leases both hold, and every job runs`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "runs");
    // The brokers keep no records: they borrow a ledger.
    const ledger = target.keepsWorkerRegistry ? {} : { ledger: `sqlite:${join(store.folder, "ledger.db")}` };
    const jobs = await connect(store.url, { log: "off", ...ledger });
    const settings = JSON.stringify({ limit, workers: 1, lease: LEASE_MS, ms: 150, ...ledger });
    const start = (): Running => started("limits/worker", store.url, record, settings);
    const workers = Array.from({ length: WORKERS }, start);
    const faults: Fault[] = [];
    const ids: string[] = [];

    async function enqueue(count: number): Promise<void> {
      for (let n = 0; n < count; n += 1) {
        const key = `k${ids.length % KEYS}`;
        ids.push((await jobs.enqueue(limited, { key })).id);
      }
    }
    for (let kill = 0; kill < KILLS; kill += 1) {
      await enqueue(15);
      const at = kill % WORKERS;
      const victim = workers[at] as Running;
      // One that has not begun proves nothing.
      await eventually(() => victim.lines.some(({ event }) => event === "booted"), "the worker has started");
      await sleep(200 + Math.random() * 300);
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
    await eventually(
      () => {
        const ended = new Set(readLimited(record).flatMap(({ what, id }) => (what === "end" ? [id] : [])));
        return ids.every((id) => ended.has(id));
      },
      "every job has run",
      180_000,
    );
    for (const worker of workers) worker.kill("SIGKILL");
    await jobs.close();

    const intervals = intervalsOf(readLimited(record), faults);
    expect(overlapsOf(intervals)).toEqual([]);
    // A frozen job keeps its key until its lease has run out: two thirds of it were left at least, less a tick of the renewal.
    for (const { key, from, frozenAt, id } of intervals) {
      if (frozenAt === null) continue;
      const next = intervals.find(
        (other) => other.key === key && other.from > from && (other.id !== id || other.from !== from),
      );
      if (next !== undefined && next.from < frozenAt + 2 * LEASE_MS)
        expect(next.from - frozenAt).toBeGreaterThan(LEASE_MS / 3);
    }
    const zombies = intervals.filter(({ isZombie }) => isZombie);
    console.log(
      `${target.name}: ${KILLS} faults, ${ids.length} jobs, ${intervals.length} runs, ${zombies.length} went on after their lease`,
    );
  });
}
