import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { start } from "../children/start.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

test("of a producer killed 50 times, every id it reported is in the file", async () => {
  const path = temporaryFile();
  const reported: string[] = [];
  for (let round = 0; round < 50; round += 1) {
    const producer = start("produce", path, { prefix: `r${round}` });
    await producer.firstLines(1);
    await sleep(Math.random() * 20);
    producer.kill();
    await producer.ended;
    reported.push(...producer.lines());
  }
  const db = new DatabaseSync(path, { readOnly: true });
  const stored = new Set(
    db
      .prepare("SELECT id FROM waybill_jobs JOIN waybill_ready USING (seq)")
      .all()
      .map(({ id }) => id),
  );
  db.close();
  expect(reported.length).toBeGreaterThan(500);
  expect(reported.filter((id) => !stored.has(id))).toEqual([]);
});

test("two producers and two workers on one file lease each of 20,000 jobs once and lose none", async () => {
  const path = temporaryFile();
  const workers = [start("work", path, { ms: 5_000 }), start("work", path, { ms: 5_000 })];
  const producers = ["a", "b"].map((prefix) => start("produce", path, { prefix, count: 10_000 }));
  const codes = await Promise.all([...workers, ...producers].map(({ ended }) => ended));
  expect(codes).toEqual([0, 0, 0, 0]);
  const sent = producers.flatMap((producer) => producer.lines());
  const done = workers.flatMap((worker) => worker.lines());
  expect(sent).toHaveLength(20_000);
  expect(done.toSorted()).toEqual(sent.toSorted());
  const backend = await open({ path });
  expect(await backend.inspector.counts()).toMatchObject([{ ready: 0, leased: 0, dead: 0, finished: 10_000 }]);
});

test("R16: a killed worker's job is leased by another within its lease and 2 s, counted as lost", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const sent = message();
  await backend.enqueue([sent]);
  const leasing = start("hold", path, { ms: 1_500 });
  expect(await leasing.firstLines(1)).toEqual([sent.id]);
  const leased = performance.now();
  leasing.kill();
  const [taken] = await lease(backend, { waitMs: 10_000 });
  expect(taken).toMatchObject({ id: sent.id, lost: 1, attempt: 1, releases: 0 });
  expect(performance.now() - leased).toBeLessThan(3_500);
});
