import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

/** A dead letter whose job another program deleted, and a job that was enqueued next. */
async function afterDeletion(delayMs: number) {
  const path = temporaryFile();
  const backend = await open({ path });
  await backend.enqueue([message({ id: "deleted" })]);
  const [oneLease] = await lease(backend);
  await backend.deadLetter(oneLease!, { code: "CODE", message: "text" });
  const db = new DatabaseSync(path);
  db.exec("DELETE FROM waybill_jobs");
  await backend.enqueue([message({ id: "alive", delayMs })]);
  return { backend, db };
}

test.each(["replay", "drop"] as const)(
  "%s of a dead letter whose job was deleted touches no other job",
  async (verb) => {
    const { backend, db } = await afterDeletion(0);
    expect(await backend.inspector.deadLetters()).toMatchObject([{ id: "", damage: expect.any(String) }]);
    expect(await backend.inspector[verb]()).toBe(verb === "drop" ? 1 : 0);
    expect(await lease(backend, { limit: 5 })).toMatchObject([{ id: "alive" }]);
    expect(db.prepare("SELECT count(*) AS count FROM waybill_ready").get()).toEqual({ count: 0 });
    db.close();
  },
);

test.each([
  { state: "ready", delayMs: 0, leased: false },
  { state: "delayed", delayMs: 60_000, leased: false },
  { state: "leased", delayMs: 0, leased: true },
])("a dead letter written by hand for a $state job is dropped without the job", async ({ delayMs, leased }) => {
  const { backend, db } = await afterDeletion(delayMs);
  const [oneLease] = leased ? await lease(backend) : [];
  db.exec("UPDATE waybill_dead SET seq = (SELECT seq FROM waybill_jobs)");
  expect(await backend.inspector.replay()).toBe(0);
  expect(await backend.inspector.drop()).toBe(1);
  expect(await backend.inspector.deadLetters()).toEqual([]);
  expect(db.prepare("SELECT id FROM waybill_jobs").all()).toMatchObject([{ id: "alive" }]);
  if (oneLease !== undefined) expect(await backend.ack([oneLease])).toMatchObject([{ ok: true }]);
  db.close();
});

test("a job dies although another program wrote a dead letter of it by hand, which is replaced", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  await backend.enqueue([message({ id: "alive" })]);
  const [oneLease] = await lease(backend);
  const db = new DatabaseSync(path);
  db.exec(`INSERT INTO waybill_dead (seq, code, message, attempt, died_at)
    SELECT seq, 'BY_HAND', 'text', 1, 0 FROM waybill_jobs`);
  db.close();
  await backend.deadLetter(oneLease!, { code: "CODE", message: "text" });
  expect(await backend.inspector.deadLetters()).toMatchObject([{ id: "alive", reason: { code: "CODE" } }]);
});

test("rows whose jobs were deleted hide no job behind them, and no lease is made for them", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const ids = Array.from({ length: 30 }, (_, index) => `job-${index}`);
  await backend.enqueue(ids.map((id) => message({ id })));
  const db = new DatabaseSync(path);
  db.exec("DELETE FROM waybill_jobs WHERE id NOT IN ('job-7', 'job-29')");
  const oneLease = await lease(backend, { limit: 5 });
  oneLease.push(...(await lease(backend, { limit: 5 })));
  expect(oneLease).toMatchObject([{ id: "job-7" }, { id: "job-29" }]);
  expect(await backend.ack(oneLease)).toMatchObject([{ ok: true }, { ok: true }]);
  db.close();
});
