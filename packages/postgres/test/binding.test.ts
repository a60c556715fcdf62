import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connect, defineJob } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { Client } from "pg";
import { expect, test } from "vitest";
import { migrate, schemaVersion } from "../src/index.ts";
import { freshSchema, freshUrl, sql } from "./database.ts";

const page = readFileSync(fileURLToPath(new URL("../../../spec/1.0/bindings/postgres.md", import.meta.url)), "utf8");

/** The code on the page in that language, with the schema of this test. */
function example(language: string, schema: string): string {
  const code = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (code === undefined) throw new Error(`the page has no example in ${language}`);
  return code.replaceAll("waybill.", `${schema}.`);
}

test("the documented insert by psql is run by a worker, and the documented query lists it", async () => {
  const schema = freshSchema();
  const url = await freshUrl(schema);
  await migrate(url);
  const env = { ...process.env, DATABASE_URL: await serviceUrl("postgres") };
  const ran = spawnSync("sh", ["-c", example("sh", schema)], { env, encoding: "utf8" });
  expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: "" });
  const names: string[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (payload) => void names.push(JSON.stringify(payload)) });
  const jobs = await connect(url, { jobs: [greet], log: "off" });
  await jobs.worker({ jobs: [greet] }).start();
  await expect.poll(() => names, { timeout: 10_000 }).toEqual(['{"name":"psql"}']);
  await jobs.close();
  expect(await sql(example("sql", schema))).toMatchObject([{ type: "greeting.print" }]);
});

test("the page says the version that migrate makes", () => {
  expect(page).toContain(`has the schema's version, ${schemaVersion}; a reader MUST refuse a higher one`);
});

test("a producer with only the documented rights can insert, and a second insert of the same id fails", async () => {
  const schema = freshSchema();
  await migrate(await freshUrl(schema));
  const role = `producer_${schema}`;
  await sql(`CREATE ROLE "${role}"`);
  try {
    await sql(`GRANT USAGE ON SCHEMA "${schema}" TO "${role}"; GRANT INSERT ON "${schema}".inbox TO "${role}"`);
    const env = { ...process.env, DATABASE_URL: await serviceUrl("postgres"), PGOPTIONS: `-c role=${role}` };
    const insert = () => spawnSync("sh", ["-c", example("sh", schema)], { env, encoding: "utf8" });
    expect(insert()).toMatchObject({ status: 0, stderr: "" });
    expect(insert()).toMatchObject({ status: 1, stderr: expect.stringContaining("duplicate key") });
    expect(await sql(`SELECT id FROM "${schema}".inbox`)).toHaveLength(1);
    const returning = `SET ROLE "${role}"; INSERT INTO "${schema}".inbox (id, envelope) VALUES ('a', '{}') RETURNING id`;
    await expect(sql(returning)).rejects.toMatchObject({ code: "42501" });
  } finally {
    await sql(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  }
});

test("within a producer's transaction the same id twice fails the transaction, except after a savepoint", async () => {
  const schema = freshSchema();
  await migrate(await freshUrl(schema));
  const client = new Client({ connectionString: await serviceUrl("postgres") });
  await client.connect();
  const insert = `INSERT INTO "${schema}".inbox (id, envelope) VALUES ('a', '{}')`;
  const written = async (): Promise<unknown> => (await client.query(`SELECT n FROM "${schema}".own`)).rows;
  try {
    await client.query(`${insert}; CREATE TABLE "${schema}".own (n integer)`);
    await client.query(`BEGIN; INSERT INTO "${schema}".own VALUES (1)`);
    await expect(client.query(insert)).rejects.toMatchObject({ code: "23505" });
    await expect(client.query("SELECT 1")).rejects.toMatchObject({ code: "25P02" });
    expect((await client.query("COMMIT")).command).toBe("ROLLBACK");
    await client.query(`BEGIN; INSERT INTO "${schema}".own VALUES (2); SAVEPOINT job`);
    await expect(client.query(insert)).rejects.toMatchObject({ code: "23505" });
    await client.query("ROLLBACK TO SAVEPOINT job");
    expect((await client.query("COMMIT")).command).toBe("COMMIT");
    expect(await written()).toEqual([{ n: 2 }]);
  } finally {
    await client.end();
  }
});

test("a job runs under the id in its envelope, whatever the column has", async () => {
  const url = await freshUrl(freshSchema());
  const ids: string[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (_, { id }) => void ids.push(id) });
  const jobs = await connect(url, { jobs: [greet], log: "off" });
  await jobs.worker({ jobs: [greet] }).start();
  const id = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";
  const envelope = JSON.stringify({ spec: "waybill/1", id, type: "greeting.print", args: [] });
  const schema = new URL(url).searchParams.get("schema") ?? "waybill";
  await sql(`INSERT INTO "${schema}".inbox (id, envelope) VALUES ('another', $1)`, [envelope]);
  await expect.poll(() => ids, { timeout: 10_000 }).toEqual([id]);
  await jobs.close();
});

test("the tables have the columns that the page names", async () => {
  const schema = freshSchema();
  await migrate(await freshUrl(schema));
  const rows = await sql(
    "SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = $1",
    [schema],
  );
  const names = new Set(rows.map(({ name }) => String(name)));
  const named = [...page.matchAll(/`(?:waybill\.)?(jobs|dead|inbox|finished)\.(\w+)`/g)].map(
    ([, table, column]) => `${table}.${column}`,
  );
  for (const column of [
    "type",
    "queue",
    "tenant",
    "rank",
    "wake_at",
    "due_at",
    "body",
    "failures",
    "lost",
    "releases",
    "token",
    "seq",
  ]) {
    expect(page).toContain(column);
    named.push(`jobs.${column}`);
  }
  expect(named.filter((name) => !names.has(name))).toEqual([]);
});
