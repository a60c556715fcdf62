import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { start } from "../children/start.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

const KEYS = Array.from({ length: 100 }, (_, n) => `key-${n}`);

test("of 2,000 enqueues in 4 processes over 100 keys, while workers run and are killed, no key has two jobs or stays taken", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const producers = ["a", "b", "c", "d"].map((prefix) => start("compete", path, { prefix, count: 500 }));
  const ended = Promise.all(producers.map((one) => one.ended));
  const isEnded = (): Promise<boolean> => Promise.race([ended.then(() => true), sleep(0, false)]);
  const db = new DatabaseSync(path, { readOnly: true });
  const twice = db.prepare(`SELECT unique_key FROM waybill_jobs WHERE seq NOT IN (SELECT seq FROM waybill_dead)
    GROUP BY unique_key HAVING count(*) > 1`);
  const seen: unknown[] = [];
  while (!(await isEnded())) {
    const worker = start("work", path, { ms: 20_000, lease: 300 });
    await Promise.race([worker.firstLines(1), ended]);
    await sleep(Math.random() * 100);
    worker.kill();
    await worker.ended;
    seen.push(...twice.all());
  }
  expect(await ended).toEqual([0, 0, 0, 0]);
  expect(seen).toEqual([]);
  expect(producers.flatMap((one) => one.lines()).length).toBeGreaterThan(200);
  // The leases of killed workers end, and every job that is left runs.
  for (let leases = await lease(backend, { waitMs: 1_500, limit: 50 }); leases.length > 0;) {
    for (const result of await backend.ack(leases)) expect(result).toMatchObject({ ok: true });
    leases = await lease(backend, { waitMs: 1_500, limit: 50 });
  }
  expect(db.prepare("SELECT count(*) AS count FROM waybill_jobs").get()).toEqual({ count: 0 });
  db.close();
  const unique = (key: string) => ({ key, until: "end", onConflict: "reject" }) as const;
  const results = await backend.enqueue(KEYS.map((key) => message({ unique: unique(key) })));
  expect(results.filter((result) => !result.ok)).toEqual([]);
});
