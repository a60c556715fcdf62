import { serviceUrl } from "@waybill/test-servers";
import { Client, Pool } from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { fromUrl, migrate } from "../../src/index.ts";
import { context, freshSchema, freshUrl, message, open, sql } from "../database.ts";
import { type OtherProduct, startOtherProduct } from "./other-product.ts";

const started: OtherProduct[] = [];
afterEach(() => Promise.all(started.splice(0).map((product) => product.close())));

/** The `version()` of each, and the text of the refusal. */
const REFUSED: readonly (readonly [string, RegExp])[] = [
  [
    "PostgreSQL 12.22 (Debian 12.22-1) on x86_64-pc-linux-gnu",
    /is PostgreSQL 12\.22, which is too old.*13 or newer.*upgrade/,
  ],
  ["PostgreSQL 9.6.24 on x86_64-pc-linux-gnu", /is PostgreSQL 9\.6\.24, which is too old.*13 or newer/],
  ["CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu)", /is CockroachDB 23\.1\.11, which speaks.*PostgreSQL 13 or newer/],
  ["PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64-pc-linux-gnu", /is YugabyteDB 2\.25\.0\.0,.*PostgreSQL 13 or newer/],
  ["PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0.12103", /is Amazon Redshift 1\.0\.12103,.*13 or newer/],
  ["PostgreSQL 12.12 (Greenplum Database 7.1.0 build 1)", /is Greenplum 7\.1\.0,.*13 or newer/],
  ["Something Else 3", /is no PostgreSQL: its version\(\) is "Something Else 3"; .*13 or newer/],
  ["", /is no PostgreSQL: its version\(\) is ""/],
];

describe("a server that is too old, or another product, is refused before any other statement fails", () => {
  test.for(REFUSED)("%s", async ([version, says]) => {
    const product = await startOtherProduct(version);
    started.push(product);
    const refusal = { code: "CONFIG_INVALID", message: expect.stringMatching(says) };
    await expect(fromUrl(product.url)(context)).rejects.toMatchObject(refusal);
    await expect(migrate(product.url)).rejects.toMatchObject(refusal);
    await expect(migrate(product.url)).rejects.not.toThrow(/secret/);
  });
});

/** The server's SQLSTATE, and the caller's error. */
const SAID: readonly (readonly [sqlState: string, code: string, says: RegExp])[] = [
  ["25006", "BACKEND_UNAVAILABLE", /read-only, as a standby or a former primary.*make it lead to the primary/],
  ["40001", "BACKEND_UNAVAILABLE", /other transactions kept getting in the way; nothing of this was stored/],
  ["40P01", "BACKEND_UNAVAILABLE", /deadlocks.*nothing of this was stored/],
  ["53100", "BACKEND_FULL", /disk is full and nothing of this write was stored/],
  ["53200", "BACKEND_UNAVAILABLE", /out of memory; nothing of this was stored/],
  ["53300", "BACKEND_UNAVAILABLE", /no connection left.*raise max_connections/],
  ["55P03", "BACKEND_UNAVAILABLE", /lock_timeout; nothing of this was stored/],
  ["57014", "BACKEND_UNAVAILABLE", /cancelled.*statement_timeout.*nothing of this was stored/],
  ["57P01", "BACKEND_UNAVAILABLE", /shutting down/],
  ["57P02", "BACKEND_UNAVAILABLE", /recovering from a crash/],
  ["57P03", "BACKEND_UNAVAILABLE", /starting, shutting down or recovering/],
  ["57P05", "BACKEND_UNAVAILABLE", /idle_session_timeout/],
  ["08006", "BACKEND_UNAVAILABLE", /as raised/],
];

/** A schema in which each insert of a job raises the error `raise`, as often as it says. A sequence counts across rollbacks. */
async function raisingSchema(): Promise<{
  schema: string;
  raise: (sqlState: string, times: number) => Promise<unknown>;
}> {
  const schema = freshSchema();
  const raise = (sqlState: string, times: number): Promise<unknown> =>
    sql(`ALTER SEQUENCE "${schema}".tries RESTART;
      CREATE OR REPLACE FUNCTION "${schema}".raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('"${schema}".tries') <= ${times} THEN RAISE 'as raised' USING ERRCODE = '${sqlState}'; END IF;
        RETURN NEW;
      END $$`);
  await migrate(await freshUrl(schema));
  await sql(`CREATE SEQUENCE "${schema}".tries`);
  await raise("XX000", 0);
  await sql(`CREATE TRIGGER raise BEFORE INSERT ON "${schema}".jobs FOR EACH ROW EXECUTE FUNCTION "${schema}".raise()`);
  return { schema, raise };
}

test("an error of the server becomes one with the reason and what to do, and nothing is stored", async () => {
  const { schema, raise } = await raisingSchema();
  const backend = await open({ schema });
  for (const [sqlState, code, says] of SAID) {
    await raise(sqlState, 1_000);
    const refusal = { code, message: expect.stringMatching(says) };
    await expect(backend.enqueue([message()]), sqlState).rejects.toMatchObject(refusal);
  }
  expect(await backend.inspector.counts()).toEqual([]);
});

test("after a conflict the statement runs again, and the caller sees no error", async () => {
  const { schema, raise } = await raisingSchema();
  const backend = await open({ schema });
  for (const id of ["40001", "40P01"]) {
    await raise(id, 3);
    expect(await backend.enqueue([message({ id })])).toEqual([{ ok: true, value: { id, stored: true } }]);
  }
});

test("once a read-only server accepts writes again, a statement is one message again", async () => {
  const { schema, raise } = await raisingSchema();
  const said: unknown[] = [];
  class Recording extends Client {
    override query(...given: unknown[]): never {
      said.push(given[0]);
      return (super.query as (...given: unknown[]) => never)(...given);
    }
  }
  const url = await serviceUrl("postgres");
  const pool = new Pool({ connectionString: url, max: 2, Client: Recording as typeof Client });
  const backend = await open({ schema, pool });
  await raise("25006", 2);
  await expect(backend.enqueue([message()])).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await backend.enqueue([message()]);
  said.length = 0;
  await backend.enqueue([message()]);
  expect(said.filter((one) => typeof one === "string" && one.startsWith("BEGIN"))).toEqual([]);
  expect(said.length).toBeGreaterThan(0);
  await backend.close();
  await pool.end();
});
