import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Jobs } from "@waybill/core";
import { none, onlyOn, type Scenario } from "../frame/scenario.ts";

const HEARTBEAT_MS = 700;

export const workerRegistry: Scenario = {
  name: "worker registry",
  promise: "Of three workers one is killed and one stopped: the list shows two within 3 heartbeats, then one at once.",
  rows: ["R35"],
  on: onlyOn(["sqlite", "bullmq", "postgres"], "a broker keeps no list of workers"),
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, connected, started }) {
    const store = await freshStore();
    const settings = JSON.stringify({ queues: ["default", "mailers"], concurrency: 3, heartbeat: HEARTBEAT_MS });
    const workers = [1, 2, 3].map(() => started("worker", store.url, join(store.folder, "deeds"), settings));
    const [killed, stopped, left] = workers.map(({ pid }) => pid) as [number, number, number];
    const jobs = await connected(store.url);
    await listed(jobs, [killed, stopped, left]);
    for (const worker of await jobs.workers()) {
      const { queues, concurrency, running, version } = worker;
      assert.deepEqual([queues, concurrency, running, version], [["default", "mailers"], 3, 0, "faults"]);
      assert.ok(worker.id.includes(String(worker.pid)), "the id has the pid");
      assert.ok(worker.heardMs < 3 * HEARTBEAT_MS, `heard of ${worker.heardMs} ms ago`);
    }
    workers[0]?.kill("SIGKILL");
    await workers[0]?.ended;
    await sleep(3 * HEARTBEAT_MS);
    assert.deepEqual(await pidsOf(jobs), [stopped, left].sort());
    workers[1]?.kill("SIGTERM");
    assert.equal(await workers[1]?.ended, 0);
    assert.deepEqual(await pidsOf(jobs), [left]);
    return { accepted: 0, lost: [], duplicated: 0 };
  },
};

const pidsOf = async (jobs: Jobs): Promise<number[]> => (await jobs.workers()).map(({ pid }) => pid).sort();

async function listed(jobs: Jobs, pids: readonly number[]): Promise<void> {
  const wanted = JSON.stringify([...pids].sort());
  for (const until = performance.now() + 60_000; performance.now() < until; await sleep(50))
    if (JSON.stringify(await pidsOf(jobs)) === wanted) return;
  assert.deepEqual(await pidsOf(jobs), [...pids].sort(), "all workers are listed");
}
