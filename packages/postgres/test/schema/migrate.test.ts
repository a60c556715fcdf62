import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { serviceUrl } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { STATEMENT_MS } from "../../src/connection/session.ts";
import { migrate, schemaVersion } from "../../src/index.ts";
import { freshSchema, freshUrl, lease, open, sql } from "../database.ts";

/** The tables and functions of version 2, as they were. */
const version2 = readFileSync(fileURLToPath(new URL("version-2.sql", import.meta.url)), "utf8");

/** Makes a schema of version 2 with a ready job, a delayed one, a leased one, a dead letter, a finished job and an arrival. */
async function oldSchema(): Promise<string> {
  const schema = freshSchema();
  await sql(`CREATE SCHEMA "${schema}"; SET search_path = "${schema}";
    CREATE TABLE schema_version (version integer NOT NULL, since timestamptz NOT NULL);
    INSERT INTO schema_version VALUES (2, now()); ${version2.replaceAll("SCHEMA", schema)};
    SELECT enqueue('{leased,dead,done}', '{q,q,q}', '{t,t,t}', '{9,9,9}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}',
      '{NULL,NULL,NULL}', '{1,2,3}', '{}');
    SELECT lease('q', 3, 60000, 7);
    SELECT dead_letter('dead', 7, 'TEST', 'kept', NULL); SELECT ack('{done}', '{7}', true);
    SELECT enqueue('{ready,delayed}', '{q,q}', '{t,t}', '{0,0}', '{NULL,60000}', '{NULL,NULL}', '{NULL,NULL}', '{NULL,NULL}', '{b,d}', '{}');
    INSERT INTO inbox (id, envelope) VALUES ('arrival', '{}');
    RESET search_path`);
  return schema;
}

test("a schema of an earlier release is brought up to date, with all that is in it", async () => {
  const schema = await oldSchema();
  expect(await migrate(await freshUrl(schema))).toEqual({ from: 2, to: schemaVersion });
  const backend = await open({ schema });
  const [counts] = await backend.inspector.counts();
  expect(counts).toMatchObject({ queue: "q", ready: 1, delayed: 1, leased: 1, dead: 1, finished: 1 });
  expect(await lease(backend, { queue: "q" })).toMatchObject([{ id: "ready", body: "b" }]);
  expect(await backend.inspector.replay({ ids: ["dead"] })).toBe(1);
  expect(await lease(backend, { queue: "q" })).toMatchObject([{ id: "dead", body: "2", priority: 9 }]);
  await expect.poll(() => sql(`SELECT id FROM "${schema}".dead WHERE rejected`)).toEqual([{ id: "arrival" }]);
});

test("a worker of the earlier release goes on while the schema is brought up to date, and afterwards", async () => {
  const schema = await oldSchema();
  await migrate(await freshUrl(schema));
  const old = (call: string): Promise<object[]> => sql(call.replaceAll("SCHEMA", schema));
  expect(await old(`SELECT ack AS id FROM "SCHEMA".ack('{leased}', '{7}', true)`)).toEqual([{ id: "leased" }]);
  const enqueue = `SELECT enqueue AS id FROM "SCHEMA".enqueue('{new}', '{q}', '{t}', '{0}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{n}', '{q}')`;
  expect(await old(enqueue)).toEqual([{ id: "new" }]);
  const leased = `SELECT seq, id, type, rank, tenant, signature, signature_timestamp, failures, lost, releases, late_ms, body
    FROM "SCHEMA".lease('q', 5, 1000, 8)`;
  expect(await old(leased)).toMatchObject([{ id: "ready" }, { id: "new" }]);
  expect(await old(`SELECT id, ends_in_ms FROM "SCHEMA".extend('{ready}', '{8}', 500)`)).toMatchObject([
    { id: "ready" },
  ]);
  expect(await old(`SELECT retry AS id FROM "SCHEMA".retry('ready', 8, NULL, true, '{}')`)).toEqual([{ id: "ready" }]);
  expect(await old(`SELECT * FROM "SCHEMA".release('{new}', '{8}')`)).toHaveLength(1);
  expect(await old(`SELECT queues, more, next_ms, arrived FROM "SCHEMA".maintain(10)`)).toMatchObject([
    { arrived: true },
  ]);
});

/** Runs a statement in a transaction that lasts until the returned function is called. */
async function held(text: string, values: readonly string[] = []): Promise<() => Promise<unknown>> {
  const client = new Client({ connectionString: await serviceUrl("postgres") });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("BEGIN");
  await client.query(text, [...values]);
  return () => client.query("COMMIT");
}

test("a schema is brought up to date however long a step takes, or another process that does the same", async () => {
  const [slow, waiting] = [await oldSchema(), await oldSchema()];
  const ends = [
    await held(`LOCK TABLE "${slow}".jobs`),
    await held("SELECT pg_advisory_xact_lock(hashtext('waybill'), hashtext($1))", [waiting]),
  ];
  const [one, other] = [await freshUrl(slow), await freshUrl(waiting)].map((url) => migrate(url));
  await Promise.race([one, other, new Promise((resolve) => setTimeout(resolve, STATEMENT_MS + 2_000))]);
  for (const end of ends) await end();
  expect(await Promise.all([one, other])).toEqual([
    { from: 2, to: schemaVersion },
    { from: 2, to: schemaVersion },
  ]);
}, 60_000);
