import { join } from "node:path";
import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { type FaultTarget, targets } from "../src/backends.ts";
import { blink, quit } from "../src/jobs.ts";
import { eventually } from "../src/process.ts";
import { type Deed, readDeeds } from "../src/record.ts";
import { freshStore, started } from "./stores.ts";

const CONCURRENCY = 5;
const JOBS = 200;
/** Each ends one process. */
const QUITS = 2;

/** Lets handlers end their workers until all jobs have ended. Returns how many jobs each of those processes made run again. */
async function repeats(target: FaultTarget, prefetch: number): Promise<number[]> {
  const store = await freshStore(target);
  const record = join(store.folder, "deeds");
  const jobs = await connect(store.url, { log: "off" });
  const list = Array.from({ length: JOBS }, (_, n) => ({ job: (n + 1) % 80 === 0 ? quit : blink, payload: {} }));
  const ids = (await jobs.enqueueMany(list)).flatMap((result) => (result.ok ? [result.value.id] : []));
  expect(ids).toHaveLength(JOBS);
  const settings = { queues: ["default"], lease: 1_000, concurrency: CONCURRENCY, prefetch };
  const pids: number[] = [];
  let done = false;
  const missing = (): boolean => new Set(readDeeds(record).map(({ id }) => id)).size < JOBS;
  while (!done) {
    const worker = started("worker", store.url, record, JSON.stringify(settings));
    pids.push(worker.pid);
    let ended = false;
    void worker.ended.finally(() => (ended = true));
    await eventually(() => ended || !missing(), `on ${target.name} a worker has ended, or all is done`);
    done = !ended;
    worker.kill("SIGTERM");
    await worker.ended;
  }
  await jobs.close();
  const ends = readDeeds(record);
  expect(pids.length - 1).toBe(QUITS);
  return pids.map((pid) => repeatedAfter(ends, pid));
}

/** Jobs that had ended in that process, and ended in a later one too. */
function repeatedAfter(ends: readonly Deed[], pid: number): number {
  const last = ends.findLastIndex((deed) => deed.pid === pid);
  const later = new Set(ends.slice(last + 1).map(({ id }) => id));
  return new Set(ends.filter((deed) => deed.pid === pid && later.has(deed.id)).map(({ id }) => id)).size;
}

test("the end of a process repeats fewer jobs than may be stored behind and run at once, on every backend", async () => {
  const PREFETCH = 20;
  await Promise.all(
    targets.map(async (target) => {
      for (const count of await repeats(target, PREFETCH)) {
        expect(count, target.name).toBeLessThanOrEqual(Math.max(CONCURRENCY, PREFETCH) + CONCURRENCY - 1);
      }
    }),
  );
});

test("without prefetch, the end of a process repeats fewer jobs than run at once, on every backend", async () => {
  await Promise.all(
    targets.map(async (target) => {
      for (const count of await repeats(target, 0)) expect(count, target.name).toBeLessThan(CONCURRENCY);
    }),
  );
});
