import { DatabaseSync } from "node:sqlite";
import { connect, defineJob } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { type OddValues, oddValues } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFile } from "../temporary-file.ts";

const COUNT = 300;

/** Rows as another program might have written them: any type in any column but the position in line. */
function value(odd: OddValues): string | number | bigint | Buffer {
  switch (odd.below(5)) {
    case 0:
      return Buffer.from(odd.pick(["", "{}", "\u00ff"]), "latin1");
    case 1:
      return odd.pick([2n ** 62n, -(2n ** 63n), 2n ** 53n]);
    case 2:
      return odd.number();
    default:
      return odd.text();
  }
}

test(`${COUNT} rows of any types beside good jobs stop no worker, are all listed, and can be dropped`, async () => {
  const path = temporaryFile();
  const odd = oddValues(7);
  const ran: string[] = [];
  const good = defineJob({ type: "good", retry: { maxAttempts: 1 }, handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(`sqlite:${path}`, { log: "off" });
  onTestFinished(() => jobs.close());
  const rejections: string[] = [];
  jobs.events.on("rejected", ({ id }) => void rejections.push(id));
  const metrics = jobMetrics(jobs);
  const ids: string[] = [];
  for (let count = 0; count < 20; count += 1) ids.push((await jobs.enqueue(good, { count })).id);
  const db = new DatabaseSync(path);
  const record = { type: "good", priority: 0, tenant: "acme", signature_timestamp: 1, signature: "v1,x", body: "{}" };
  const counts = { failures: 0, lost: 0, releases: 0, due_at: 0, enqueued_at: 0 };
  const columns = Object.keys({ ...record, ...counts });
  const insert = db.prepare(
    `INSERT INTO waybill_jobs (id, queue, ${columns.join()}) VALUES (?, 'default', ${columns.map(() => "?").join()}) RETURNING seq`,
  );
  const line = db.prepare("INSERT INTO waybill_ready (queue, rank, seq) VALUES ('default', 0, ?)");
  db.exec("BEGIN");
  for (let count = 0; count < COUNT; count += 1) {
    const row: Record<string, string | number | bigint | Buffer> = { ...record, ...counts };
    for (let change = 1 + odd.below(4); change > 0; change -= 1) row[odd.pick(columns)] = value(odd);
    // Jobs that are delayed beyond this test are not damaged.
    if (Number(row["due_at"]) > 0) row["due_at"] = -1;
    const id = odd.below(4) === 0 ? Buffer.from(`\u00ff${count}`, "latin1") : `row-${count}`;
    line.run(Number(insert.get(id, ...columns.map((column) => row[column] ?? ""))?.["seq"]));
  }
  const arrive = db.prepare("INSERT INTO waybill_inbox (id, envelope) VALUES (?, CAST(? AS TEXT))");
  for (let count = 0; count < 50; count += 1) arrive.run(`arrival-${count}`, odd.garbled('{"spec":"waybill/1"}'));
  db.exec("COMMIT");
  await jobs.worker({ jobs: [good], queues: ["default"] }).start();
  for (let count = 0; count < 5; count += 1) ids.push((await jobs.enqueue(good, { late: count })).id);
  const list = async () => (await jobs.inspector?.deadLetters({ limit: Infinity })) ?? [];
  await expect.poll(list, { timeout: 20_000 }).toHaveLength(COUNT + 50);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  expect(ran.toSorted()).toEqual(ids.toSorted());
  await expect.poll(() => rejections.length).toBe(COUNT + 50);
  const dead = (await jobs.inspector?.counts())?.reduce((sum, queue) => sum + queue.dead, 0);
  expect(dead).toBe(COUNT + 50);
  expect(await metrics.prometheus()).toContain("waybill_dead_total");
  for (const letter of await list()) {
    expect(() => new Date(letter.diedAt ?? 0).toISOString()).not.toThrow();
    expect(letter.attempt).toBeGreaterThanOrEqual(0);
    expect(Object.values({ ...letter, reason: "" }).some((member) => member === undefined)).toBe(false);
  }
  db.exec("DELETE FROM waybill_jobs WHERE id = 'row-0'");
  db.close();
  expect((await list()).filter(({ damage }) => damage !== undefined)).toMatchObject([{ id: "" }]);
  expect(await jobs.inspector?.replay({ ids: [""] })).toBe(0);
  expect(await jobs.inspector?.drop({ limit: Infinity })).toBe(COUNT + 50);
  expect(await list()).toEqual([]);
});

test("an inbox table that another program changed is reported once, by name, and in health; other jobs run on", async () => {
  const path = temporaryFile();
  const ran: string[] = [];
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(`sqlite:${path}`, { log: "off" });
  onTestFinished(() => jobs.close());
  const said: string[] = [];
  jobs.events.on("unavailable", ({ message }) => void said.push(message));
  const db = new DatabaseSync(path);
  db.exec("ALTER TABLE waybill_inbox RENAME COLUMN envelope TO envelopes");
  db.exec("INSERT INTO waybill_inbox (id, envelopes) VALUES ('a', '{}')");
  const worker = jobs.worker({ jobs: [good] });
  await worker.start();
  const { id } = await jobs.enqueue(good, {});
  await expect.poll(() => ran).toEqual([id]);
  await expect.poll(() => said, { timeout: 5_000 }).toEqual([expect.stringContaining("table waybill_inbox")]);
  expect(worker.health()).toMatchObject({ state: "unavailable", message: expect.stringContaining("envelope") });
  const recovered = new Promise((resolve) => jobs.events.on("recovered", resolve));
  db.exec("ALTER TABLE waybill_inbox RENAME COLUMN envelopes TO envelope");
  db.close();
  await recovered;
  await expect.poll(() => jobs.inspector?.deadLetters()).toMatchObject([{ id: "a" }]);
  expect(said).toHaveLength(1);
  expect((await worker.stop()).rejected).toBe(1);
});
