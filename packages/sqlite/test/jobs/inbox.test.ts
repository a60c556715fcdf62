import { DatabaseSync } from "node:sqlite";
import type { Signature } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { admit, lease, open, temporaryFile } from "../temporary-file.ts";

function insert(path: string, id: string, envelope: string | Uint8Array, signature: Signature | null = null): void {
  const db = new DatabaseSync(path);
  const sql = `INSERT INTO waybill_inbox (id, envelope, signature, signature_timestamp)
               VALUES (?, CAST(? AS TEXT), ?, ?) ON CONFLICT (id) DO NOTHING`;
  db.prepare(sql).run(id, envelope, signature?.value ?? null, signature?.timestamp ?? null);
  db.close();
}

const rowsOf = (path: string, table: string): Record<string, unknown>[] => {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare(`SELECT * FROM ${table}`).all();
  db.close();
  return rows;
};

describe("a row inserted by plain SQL", () => {
  test("becomes a job with its bytes and its signature, and wakes a waiting worker", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    const waiting = lease(backend, { queue: "mail", waitMs: 5_000 });
    const envelope = '{ "id": "a",  "queue":"mail", "type":"mail.send", "text": "żółw \u2028" }';
    const signature = { timestamp: 1_700_000_000, value: "v1,abc" };
    insert(path, "a", envelope, signature);
    const [taken] = await waiting;
    expect(taken).toMatchObject({ id: "a", queue: "mail", type: "mail.send", body: envelope, signature, attempt: 1 });
    expect(rowsOf(path, "waybill_inbox")).toEqual([]);
  });
});

describe("a malformed row stops no other job and is kept, byte for byte", () => {
  const bad = '{"id": "broken", ';

  test("it becomes a dead letter with core's code and message, and the next row is served", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    insert(path, "broken", bad);
    insert(path, "good", '{"id":"good"}');
    expect((await lease(backend, { limit: 5 })).map(({ id }) => id)).toEqual(["good"]);
    const [dead] = await backend.inspector.deadLetters();
    expect(dead).toMatchObject({ id: "broken", queue: "waybill_inbox", body: bad, reason: { code: "JSON_SYNTAX" } });
    expect(dead?.reason.message).not.toBe("");
  });

  test("bytes that are not UTF-8 are kept unchanged", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    insert(path, "latin", bytes);
    expect(await lease(backend)).toEqual([]);
    expect(await backend.inspector.deadLetters()).toMatchObject([{ reason: { code: "ENCODING_INVALID" } }]);
    const db = new DatabaseSync(path, { readOnly: true });
    expect(db.prepare("SELECT hex(envelope) AS hex FROM waybill_rejected").get()).toEqual({ hex: "7BFFFE7D" });
    db.close();
  });

  test("an admit function that throws rejects one row and no other", async () => {
    const path = temporaryFile();
    const admits: typeof admit = (body, signature) => {
      if (body.includes("trap")) throw new Error("a judge stumbled");
      return admit(body, signature);
    };
    const backend = await open({ path }, { admits });
    insert(path, "trap", '{"id":"trap"}');
    insert(path, "good", '{"id":"good"}');
    expect((await lease(backend, { limit: 5 })).map(({ id }) => id)).toEqual(["good"]);
    expect(await backend.inspector.deadLetters()).toMatchObject([
      { id: "trap", reason: { code: "ADMISSION_FAILED", message: expect.stringContaining("a judge stumbled") } },
    ]);
  });

  test("a replay judges it again, and a drop removes it", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    insert(path, "broken", bad);
    await lease(backend);
    expect(await backend.inspector.replay()).toBe(1);
    expect(await backend.inspector.deadLetters()).toEqual([]);
    await lease(backend);
    expect(await backend.inspector.deadLetters({ queue: "waybill_inbox" })).toHaveLength(1);
    expect(await backend.inspector.drop({ ids: ["broken"] })).toBe(1);
    expect(rowsOf(path, "waybill_rejected")).toEqual([]);
  });

  test("a replay keeps the rejected bytes when another row of that id is in the inbox", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    insert(path, "broken", bad);
    await lease(backend);
    insert(path, "broken", '{"id":"broken"}');
    expect(await backend.inspector.replay()).toBe(0);
    expect(rowsOf(path, "waybill_rejected")).toHaveLength(1);
  });
});

test("250 rows inserted while no worker waited are admitted by the next waiting worker of any queue", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  for (let n = 0; n < 250; n += 1) insert(path, `row-${n}`, `{"id":"row-${n}"}`);
  await lease(backend, { queue: "another", waitMs: 450 });
  expect(rowsOf(path, "waybill_inbox")).toHaveLength(0);
  expect((await lease(backend, { limit: 500 })).map(({ id }) => id)).toEqual(
    Array.from({ length: 250 }, (_, n) => `row-${n}`),
  );
});

test("an envelope that is no text, and a signature without its time, are refused at the insert", async () => {
  const path = temporaryFile();
  await open({ path });
  const db = new DatabaseSync(path);
  expect(() => db.prepare("INSERT INTO waybill_inbox (id, envelope) VALUES ('a', x'7b7d')").run()).toThrow("CHECK");
  const unsigned = "INSERT INTO waybill_inbox (id, envelope, signature) VALUES ('a', '{}', 'v1,abc')";
  expect(() => db.prepare(unsigned).run()).toThrow("CHECK");
  db.close();
});
