import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { eventually } from "../src/process.ts";
import { readDeeds, readLines } from "../src/record.ts";
import { freshStore, started } from "./stores.ts";

const KILLS = 50;

for (const target of targets) {
  test(`on ${target.name}, of a producer killed 50 times while it enqueues, every id it reported is in the queue`, async () => {
    const store = await freshStore(target);
    const promised = join(store.folder, "promised");
    for (let kill = 0; kill < KILLS; kill++) {
      const before = readLines(promised).length;
      const producer = started("producer", store.url, promised, "default", "1000000");
      await eventually(() => readLines(promised).length > before + 20, "the producer is at work");
      await sleep(Math.random() * 20);
      producer.kill("SIGKILL");
      await producer.ended;
    }
    const ids = new Set(readLines(promised));
    expect(ids.size).toBeGreaterThan(KILLS * 20);
    const record = join(store.folder, "deeds");
    const worker = started("worker", store.url, record, JSON.stringify({ queues: ["default"], concurrency: 100 }));
    const jobs = await connect(store.url, { log: "off" });
    await eventually(() => worker.lines.some(({ event }) => event === "settled"), "the worker is at work");
    for (let left = 1; left > 0; await sleep(50)) {
      left = ((await jobs.inspector?.counts()) ?? []).reduce((sum, { ready, leased }) => sum + ready + leased, 0);
    }
    const ran = new Set(readDeeds(record).map(({ id }) => id));
    expect([...ids].filter((id) => !ran.has(id))).toEqual([]);
    await jobs.close();
  });

  test(`on ${target.name}, 2 producers and 2 workers share 20,000 jobs: each runs once, none is lost`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const promised = ["a", "b"].map((name) => join(store.folder, `promised-${name}`));
    const workers = [1, 2].map(() =>
      started("worker", store.url, record, JSON.stringify({ queues: ["default"], concurrency: 50, lease: "30s" })),
    );
    const producers = promised.map((file) => started("producer", store.url, file, "default", "10000"));
    for (const producer of producers) expect(await producer.ended).toBe(0);
    const ids = promised.flatMap(readLines);
    expect(new Set(ids).size).toBe(20_000);
    await eventually(() => readLines(record).length >= 20_000, "every job has run", 120_000);
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    const ran = readDeeds(record).map(({ id }) => id);
    expect(ran).toHaveLength(20_000);
    expect(new Set(ran)).toEqual(new Set(ids));
    const completed = workers.map(({ lines }) => Number(lines.at(-1)?.["completed"]));
    expect(completed.reduce((sum, count) => sum + count)).toBe(20_000);
  });
}
