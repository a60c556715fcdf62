import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Jobs } from "@waybill/core";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { freshStore, started } from "./stores.ts";

const HEARTBEAT_MS = 700;

const pidsOf = async (jobs: Jobs): Promise<number[]> => (await jobs.workers()).map(({ pid }) => pid).sort();

for (const target of targets.filter(({ keepsWorkerRegistry }) => keepsWorkerRegistry)) {
  test(`R35: on ${target.name}, of three workers one is killed and one stopped: the list shows two within 3 heartbeats, then one at once`, async () => {
    const store = await freshStore(target);
    const settings = JSON.stringify({ queues: ["default", "mailers"], concurrency: 3, heartbeat: HEARTBEAT_MS });
    const workers = [1, 2, 3].map(() => started("worker", store.url, join(store.folder, "deeds"), settings));
    const [killed, stopped, left] = workers.map(({ pid }) => pid) as [number, number, number];
    const jobs = await connect(store.url, { log: "off" });
    await expect.poll(() => pidsOf(jobs), { timeout: 30_000 }).toEqual([killed, stopped, left].sort());
    for (const worker of await jobs.workers()) {
      expect(worker).toMatchObject({ queues: ["default", "mailers"], concurrency: 3, running: 0, version: "faults" });
      expect(worker.id).toContain(String(worker.pid));
      expect(worker.heardMs).toBeLessThan(3 * HEARTBEAT_MS);
    }
    workers[0]?.kill("SIGKILL");
    await workers[0]?.ended;
    await sleep(3 * HEARTBEAT_MS);
    expect(await pidsOf(jobs)).toEqual([stopped, left].sort());
    workers[1]?.kill("SIGTERM");
    expect(await workers[1]?.ended).toBe(0);
    expect(await pidsOf(jobs)).toEqual([left]);
    await jobs.close();
  });
}
