import { DatabaseSync } from "node:sqlite";
import type { Lease } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

const values = [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 0.5, -1e300, "odd", Buffer.from([0xff]), null];

/** Each table's key, and a row of it with the number `n`. */
const tables: Record<string, { key: string; insert: string }> = {
  waybill_jobs: { key: "seq", insert: "" },
  waybill_ready: { key: "seq", insert: "('default', 0, $n)" },
  waybill_delayed: { key: "seq", insert: "(5, $n + 100, 5)" },
  waybill_leases: { key: "seq", insert: "($n + 200, 1, 5, 5)" },
  waybill_dead: { key: "number", insert: "($n, $n + 300, 'CODE', 'text', 1, 5, NULL)" },
  waybill_rejected: { key: "number", insert: "($n + 500, 'rejected-' || $n, '{}', NULL, NULL, NULL)" },
  waybill_finished: { key: "upto", insert: "($n, 5, 'default', 1, '[]')" },
  waybill_inbox: { key: "rowid", insert: "('arrival-' || $n, '{}', NULL, NULL, 'now')" },
  waybill_ledger: { key: "key", insert: "('a/' || $n, 'x', $n, 5, 5, 5)" },
  waybill_unique: { key: "key", insert: "('odd', 'key-' || $n, 'job-' || $n, 5, 5)" },
  waybill_slots: { key: "seq", insert: "('sync', 'key-' || $n, $n + 200, 1)" },
  waybill_waiting: { key: "seq", insert: "('sync', 'key-' || $n, 'default', 0, $n + 600)" },
  waybill_workers: { key: "id", insert: "($n, 5, 5, '{}')" },
};

/** As another program might have written them: each value once in this column, and good rows in all others. */
function write(db: DatabaseSync, table: string, column: string): number {
  db.exec("BEGIN IMMEDIATE");
  for (const name of Object.keys(tables)) db.exec(`DELETE FROM ${name}`);
  const job =
    db.prepare(`INSERT INTO waybill_jobs (seq, id, queue, type, priority, due_at, enqueued_at, body, limit_keys, unique_key, unique_until, unique_taken)
    VALUES ($seq, 'job-' || $seq, 'default', 'odd', 0, 5, 5, '{}', '{"sync":"a"}', 'job-key-' || $seq, 'end', 1)`);
  for (const base of [0, 100, 200, 300, 600]) for (const index of values.keys()) job.run({ seq: base + index + 1 });
  for (const [name, { insert }] of Object.entries(tables)) {
    if (insert === "") continue;
    const row = db.prepare(`INSERT INTO ${name} VALUES ${insert}`);
    for (const index of values.keys()) row.run({ n: index + 1 });
  }
  const { key } = tables[table]!;
  const rows = db.prepare(`SELECT ${key} AS key FROM ${table} ORDER BY ${key}`).all();
  const change = db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`);
  let changed = 0;
  for (const [index, { key: at }] of rows.entries()) {
    try {
      change.run(values[index % values.length]!, at as number);
      changed += 1;
    } catch {
      // The column refuses this value.
    }
  }
  db.exec("COMMIT");
  return changed;
}

const path = temporaryFile();
const made = await open({ path });
await made.close();
const scheme = new DatabaseSync(path);
const columns = Object.keys(tables).flatMap((table) =>
  scheme
    .prepare(`PRAGMA table_info(${table})`)
    .all()
    .map(({ name }) => [table, String(name)] as const),
);
scheme.close();

test(`a good job runs beside odd values in each of ${columns.length} columns, and all listings work`, async () => {
  const file = temporaryFile();
  const backend = await open({ path: file });
  const db = new DatabaseSync(file);
  for (const [table, column] of columns) {
    const where = `${table}.${column}`;
    expect(write(db, table, column), where).toBeGreaterThan(0);
    const ids = new Set(["good-1", "good-2"].map((id) => `${where}-${id}`));
    const taken: Lease[] = [];
    for (const id of ids) {
      expect(await backend.enqueue([message({ id })]), where).toMatchObject([{ ok: true, value: { stored: true } }]);
      for (let looks = 0; looks < 3; looks += 1) taken.push(...(await lease(backend, { limit: 7 })));
    }
    const leased = taken.map((one) => one.id).filter((id) => id !== "");
    expect(new Set(leased).size, where).toBe(leased.length);
    const good = taken.filter(({ id }) => ids.has(id));
    for (let looks = 0; good.length < 2 && looks < 9; looks += 1) {
      const more = await lease(backend, { limit: 7 });
      taken.push(...more);
      good.push(...more.filter(({ id }) => ids.has(id)));
    }
    expect(good, where).toHaveLength(2);
    for (const [index, one] of taken.entries()) {
      if (index % 3 === 0 || good.includes(one)) expect(await backend.ack([one]), where).toMatchObject([{ ok: true }]);
      else if (index % 3 === 1) await backend.retry(one, { delayMs: 0, countsAttempt: true });
      else await backend.deadLetter(one, { code: "CODE", message: "text" });
    }
    for (const queue of await backend.inspector.counts()) {
      for (const count of Object.values({ ...queue, queue: 0 })) expect(Number(count), where).toBeGreaterThanOrEqual(0);
    }
    await lease(backend, { concurrency: { sync: 1 }, queueConcurrency: 1, excludeTypes: ["odd"] });
    await backend.jobControl.reschedule([...ids, "job-1"], 0);
    for (const query of [{}, { text: "x" }]) await backend.jobControl.list({ ...query, limit: 1_000 });
    await backend.workerRegistry.list();
    await backend.ledger.due({ prefix: "a/", limit: 100 });
    expect(await backend.ledger.commit([{ key: "b", ifVersion: "any", value: "x" }]), where).toMatchObject({
      ok: true,
    });
    expect(await backend.ledger.list({ prefix: "b", limit: 1 }), where).toMatchObject([{ key: "b" }]);
    const letters = await backend.inspector.deadLetters({ limit: Infinity });
    expect(letters.length, where).toBeGreaterThan(0);
    await backend.inspector.replay({ limit: 5 });
    await backend.inspector.drop({ limit: Infinity });
    expect(await backend.inspector.deadLetters({ limit: Infinity }), where).toEqual([]);
  }
  db.close();
});
