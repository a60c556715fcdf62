import type { RecordChange } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { freshSchema, open, sql } from "../database.ts";

const waiting: RecordChange = {
  id: "j1",
  type: "mail.send",
  queue: "mailers",
  tenant: null,
  enqueuedAt: 1,
  payload: "{}",
  state: "waiting",
  code: null,
  message: null,
  at: 1,
  startedAt: null,
  endedAt: null,
  items: {},
  rank: 0,
  replaces: 0,
};
const ended: RecordChange = { ...waiting, state: "completed", at: 2, startedAt: 1, endedAt: 2, rank: 3 };

/** Each has a writer of its own: a first change, an end, and a change of which too little is known for either. */
const WRITES = { waiting, ended, merged: { ...waiting, id: "j2", type: "", queue: "" } };

test("no write of records waits for the disk: neither those of records nor that of their time", async () => {
  const schema = freshSchema();
  const records = (await open({ schema })).recordStore("");
  await sql(`CREATE TABLE "${schema}".commits (of text, setting text)`);
  await sql(`CREATE FUNCTION "${schema}".note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO "${schema}".commits VALUES (TG_TABLE_NAME, current_setting(''synchronous_commit'')); RETURN NEW; END'`);
  for (const table of ["records", "record_times"])
    await sql(`CREATE TRIGGER note BEFORE INSERT OR UPDATE ON "${schema}".${table} FOR EACH ROW
      EXECUTE FUNCTION "${schema}".note()`);
  for (const change of Object.values(WRITES)) await records.write([change]);
  const noted = await sql(`SELECT DISTINCT of, setting FROM "${schema}".commits ORDER BY of`);
  expect(noted).toEqual([
    { of: "record_times", setting: "off" },
    { of: "records", setting: "off" },
  ]);
});
