import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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
    await eventually(() => worker.lines.some(({ event }) => event === "settled"), "the worker is at work");
    const missing = (): string[] => {
      const ran = new Set(readDeeds(record).map(({ id }) => id));
      return [...ids].filter((id) => !ran.has(id));
    };
    // While something moves there is hope; what has not run after ten quiet seconds is lost.
    for (let before = -1, now = missing().length; now > 0 && now !== before; now = missing().length) {
      before = now;
      for (let second = 0; second < 10 && missing().length === before; second++) await sleep(1_000);
    }
    expect(missing()).toEqual([]);
  });

  test(`on ${target.name}, 2 producers and 2 workers share ${target.crowd} jobs: each runs once, none is lost`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const promised = ["a", "b"].map((name) => join(store.folder, `promised-${name}`));
    const workers = [1, 2].map(() =>
      started("worker", store.url, record, JSON.stringify({ queues: ["default"], concurrency: 50, lease: "30s" })),
    );
    const producers = promised.map((file) => started("producer", store.url, file, "default", String(target.crowd / 2)));
    for (const producer of producers) expect(await producer.ended).toBe(0);
    const ids = promised.flatMap(readLines);
    expect(new Set(ids).size).toBe(target.crowd);
    await eventually(() => readLines(record).length >= target.crowd, "every job has run", 120_000);
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    const ran = readDeeds(record).map(({ id }) => id);
    expect(ran).toHaveLength(target.crowd);
    expect(new Set(ran)).toEqual(new Set(ids));
    const completed = workers.map(({ lines }) => Number(lines.at(-1)?.["completed"]));
    expect(completed.reduce((sum, count) => sum + count)).toBe(target.crowd);
  });
}
