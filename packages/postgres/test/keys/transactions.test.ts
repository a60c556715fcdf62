import type { UniqueKey } from "@waybill/core/backend";
import type { PoolClient } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { freshSchema, lease, message, open, sql, testPool } from "../database.ts";

const unique = (part: Partial<UniqueKey> = {}) =>
  message({ unique: { key: "k", until: "end", onConflict: "reject", ...part } });

/** A client of a transaction that has begun. */
async function begun(isolation = "READ COMMITTED"): Promise<PoolClient> {
  const client = await (await testPool()).connect();
  onTestFinished(() => client.release());
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
  return client;
}

/** Whether a call has not settled after 300 ms. */
async function waits(call: Promise<unknown>): Promise<boolean> {
  const late = new Promise<"late">((resolve) => setTimeout(resolve, 300, "late"));
  return (
    (await Promise.race([
      call.then(
        () => "settled",
        () => "settled",
      ),
      late,
    ])) === "late"
  );
}

describe("of two open transactions that enqueue one key, the second waits for the first", () => {
  test.for([
    ["COMMIT", { ok: false, error: { code: "DUPLICATE_JOB" } }],
    ["ROLLBACK", { ok: true, value: { stored: true } }],
  ] as const)("and after its %s has the result", async ([end, expected]) => {
    const backend = await open({ schema: freshSchema() });
    const [first, second] = [await begun(), await begun()];
    await backend.enqueueIn(first, [unique()]);
    const call = backend.enqueueIn(second, [unique()]);
    expect(await waits(call)).toBe(true);
    await first.query(end);
    expect(await call).toMatchObject([expected]);
    await second.query("COMMIT");
    expect(await lease(backend)).toHaveLength(1);
  });
});

test("a rollback leaves neither the job nor its key, of any kind, and brings a replaced job back", async () => {
  const schema = freshSchema();
  const backend = await open({ schema });
  const waiting = unique({ key: "r" });
  await backend.enqueue([waiting]);
  const client = await begun();
  const [replacing, ...others] = await backend.enqueueIn(client, [
    unique({ key: "r", onConflict: "replace" }),
    unique(),
    unique({ key: "s", until: "start" }),
    unique({ key: "t", until: 60_000 }),
  ]);
  expect(replacing).toMatchObject({ ok: true, value: { stored: true, replaced: waiting.id } });
  expect(others).toMatchObject(others.map(() => ({ ok: true, value: { stored: true } })));
  await client.query("ROLLBACK");
  expect(await sql(`SELECT id FROM "${schema}".jobs`)).toEqual([{ id: waiting.id }]);
  const again = await backend.enqueue([
    unique(),
    unique({ key: "s", until: "start" }),
    unique({ key: "t", until: 60_000 }),
  ]);
  expect(again).toMatchObject(again.map(() => ({ ok: true, value: { stored: true } })));
});

test("a refused job leaves the transaction usable", async () => {
  const backend = await open({ schema: freshSchema() });
  await backend.enqueue([unique()]);
  const client = await begun();
  const free = unique({ key: "free" });
  expect(await backend.enqueueIn(client, [unique()])).toMatchObject([{ ok: false, error: { code: "DUPLICATE_JOB" } }]);
  expect(await backend.enqueueIn(client, [free])).toMatchObject([{ ok: true, value: { stored: true } }]);
  // An aborted transaction would end by ROLLBACK.
  expect(await client.query("COMMIT")).toMatchObject({ command: "COMMIT" });
});

test("above READ COMMITTED a key that was taken meanwhile is a serialization failure, which the caller repeats", async () => {
  const backend = await open({ schema: freshSchema() });
  const client = await begun("SERIALIZABLE");
  await client.query("SELECT 1");
  await backend.enqueue([unique()]);
  await expect(backend.enqueueIn(client, [unique()])).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    cause: { code: "40001" },
  });
  await client.query("ROLLBACK; BEGIN");
  expect(await backend.enqueueIn(client, [unique()])).toMatchObject([{ ok: false, error: { code: "DUPLICATE_JOB" } }]);
  await client.query("COMMIT");
});

test("a job that is completed in an open transaction keeps its slot until the commit, and no other key waits for it", async () => {
  const backend = await open({ schema: freshSchema() });
  const one = { concurrency: { sync: 1 } };
  const acme = () => message({ limitKeys: { sync: "acme" } });
  const [first, next, other] = [acme(), acme(), message({ limitKeys: { sync: "globex" } })];
  await backend.enqueue([first]);
  const [leased] = await lease(backend, one);
  if (!leased) throw new Error("nothing was leased");
  await backend.enqueue([next, other]);
  const client = await begun();
  await backend.completeIn(client, leased);
  expect(await lease(backend, { ...one, waitMs: 200 })).toMatchObject([{ id: other.id }]);
  expect(await lease(backend, { ...one, waitMs: 200 })).toEqual([]);
  await client.query("COMMIT");
  expect(await lease(backend, { ...one, waitMs: 5_000 })).toMatchObject([{ id: next.id }]);
});

test("a job with a unique key that a trigger of another program refuses is an error, and keeps no connection busy", async () => {
  const schema = freshSchema();
  const backend = await open({ schema });
  await sql(`CREATE FUNCTION "${schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`);
  await sql(`CREATE TRIGGER refuse BEFORE INSERT ON "${schema}".jobs
    FOR EACH ROW EXECUTE FUNCTION "${schema}".refuse()`);
  const job = unique();
  await expect(backend.enqueue([job])).rejects.toThrow(
    `job "${job.id}" was not stored, though no other has its id or its unique key: a trigger on the table jobs refuses it`,
  );
});
