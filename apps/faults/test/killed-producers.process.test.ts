import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { eventually } from "../src/process.ts";
import { readDeeds, readLines } from "../src/record.ts";
import { isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const KILLS = isFull ? 50 : 20;

for (const target of targets) {
  test(`on ${target.name}, of a producer killed ${KILLS} times while it enqueues, every id it reported is in the queue`, async () => {
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
    for (let moves = true; moves && missing().length > 0;) {
      const before = missing().length;
      moves = await eventually(() => missing().length < before, "another has run", 10_000).catch(() => false);
    }
    expect(missing()).toEqual([]);
  });
}
