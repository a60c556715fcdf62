import { DatabaseSync } from "node:sqlite";
import { connect, defineJob, type Jobs } from "@waybill/core";
import { expect, onTestFinished, test } from "vitest";
import { assertTextIndex, canIndexTexts } from "../../src/schema/text-index.ts";
import { temporaryFile } from "../temporary-file.ts";

const note = defineJob({ type: "note", handler: () => undefined });

const textsOf = async (jobs: Jobs): Promise<string | undefined> =>
  (await jobs.doctor?.checks())?.find(({ check }) => check === "sqlite.text_index")?.message;

test("a worker with search makes an index of texts where SQLite has FTS5, other connections write it, and the doctor says so", async () => {
  const file = temporaryFile();
  const canIndex = canIndexTexts(new DatabaseSync(":memory:"));
  const plain = await connect(`sqlite:${file}`, { log: "off", records: "7d" });
  const jobs = await connect(`sqlite:${file}`, { log: "off", records: { keep: "7d", search: true } });
  onTestFinished(async () => {
    await jobs.close();
    await plain.close();
  });
  expect(await textsOf(jobs)).toContain("have no index");
  await plain.enqueue(note, { text: "before" });
  await plain.records.find();
  await jobs.worker({ jobs: [note] }).start();
  await expect.poll(() => textsOf(jobs)).toMatch(canIndex ? /an index \(FTS5\)$/ : /this Node has no FTS5$/);
  const findings = await jobs.doctor?.checks();
  expect(findings?.find(({ check }) => check === "sqlite.triggers")?.severity).toBe("ok");

  await plain.enqueue(note, { text: "after" });
  for (const text of ["before", "AFTER"]) expect((await plain.records.find({ text })).records).toHaveLength(1);
  if (!canIndex) return;
  const db = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => db.close());
  const indexed = db.prepare("SELECT count(*) AS count FROM waybill_record_texts WHERE waybill_record_texts MATCH ?");
  expect(indexed.get("aft")).toEqual({ count: 1 });
});

test("a file with an index of texts is refused where SQLite has no FTS5", () => {
  const withIndex = {
    prepare: (sql: string) => ({
      setReadBigInts: () => undefined,
      get: () => ({ value: sql.includes("sqlite_schema") ? 1 : sql.includes("version") ? "3.47.2" : 0 }),
    }),
  } as unknown as DatabaseSync;
  expect(() => assertTextIndex(withIndex, "/jobs/waybill.db")).toThrow(/has no FTS5/);
});
