import { join } from "node:path";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { eventually } from "../src/process.ts";
import { readDeeds, readLines } from "../src/record.ts";
import { freshStore, started } from "./stores.ts";

for (const target of targets) {
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
