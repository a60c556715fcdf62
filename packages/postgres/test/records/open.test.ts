import type { RecordChange, RecordState } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { freshSchema, open, sql } from "../database.ts";

/** Long ago: retention lists what is older than 10 s. */
const T0 = 1_800_000_000_000 - 10 * 365 * 86_400_000;

const change = (id: string, state: RecordState, rank: number, at = T0): RecordChange => ({
  id,
  type: "mail.send",
  queue: "mailers",
  tenant: null,
  enqueuedAt: T0 + Number(id.slice(1)),
  payload: "{}",
  state,
  code: null,
  message: null,
  at,
  startedAt: null,
  endedAt: null,
  items: {},
  rank,
  replaces: at,
});

const ids = Array.from({ length: 20 }, (_, at) => `j${at + 10}`);

test("a job that waits or runs is found by its state before and after its record is listed, and no more once it has ended", async () => {
  const schema = freshSchema();
  const records = (await open({ schema })).recordStore("");
  const found = async (state: RecordState): Promise<string[]> =>
    (await records.find({ state, limit: 100 })).records.map(({ id }) => id).toSorted();
  const listed = (): Promise<object[]> =>
    sql(`SELECT id FROM "${schema}".records WHERE listed IS NOT NULL ORDER BY id`);
  await records.write(ids.map((id) => change(id, "waiting", 0)));
  await records.write(ids.slice(0, 2).map((id) => change(id, "running", 2, T0 + 100)));
  await records.write(ids.slice(2, 18).map((id) => change(id, "completed", 3, T0 + 200)));
  const before = { waiting: ids.slice(18), running: ids.slice(0, 2), completed: ids.slice(2, 18) };
  const states = async () => ({
    waiting: await found("waiting"),
    running: await found("running"),
    completed: await found("completed"),
  });
  expect(await states()).toEqual(before);
  expect(await listed()).toEqual([]);

  await records.prune({ before: null, most: null, limit: 100 });
  expect(await listed()).toEqual([...before.running, ...before.waiting].map((id) => ({ id })));
  expect(await sql(`SELECT second FROM "${schema}".records_open`)).toEqual([]);
  expect(await states()).toEqual(before);

  await records.write([change("j10", "completed", 3, T0 + 300), change("j28", "running", 2, T0 + 300)]);
  await records.write([change("j12", "running", 4, T0 + 400)]);
  const first = await records.find({ state: "running", limit: 2 });
  const { records: rest } = await records.find({ state: "running", limit: 2, after: first.next ?? "" });
  expect([...first.records, ...rest].map(({ id }) => id)).toEqual(["j28", "j12", "j11"]);
  expect(await found("waiting")).toEqual(["j29"]);
});

test("a completed job's record is written twice in one page, without a new entry in any index", async () => {
  const schema = freshSchema();
  const records = (await open({ schema })).recordStore("");
  await records.write(ids.map((id) => change(id, "waiting", 0)));
  const pages = (): Promise<object[]> =>
    sql(`SELECT id, split_part(ctid::text, ',', 1) AS page FROM "${schema}".records ORDER BY id`);
  const before = await pages();
  await records.write(ids.map((id) => change(id, "completed", 3, T0 + 200)));
  expect(await pages()).toEqual(before);
  const updates = async (): Promise<object | undefined> => {
    // A connection reports what it did with a later call, or after 10 s.
    await Promise.all(ids.map((id) => records.get(id)));
    const counts = await sql(`SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables
      WHERE schemaname = '${schema}' AND relname = 'records'`);
    return counts[0];
  };
  await expect.poll(updates, { timeout: 60_000 }).toEqual({ updates: 20, hot: 20 });
}, 90_000);
