import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connect, defineJob } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { migrate } from "../src/index.ts";
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

test("a producer with the documented rights, and no others, inserts; the same id twice is told to it", async () => {
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
  } finally {
    await sql(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  }
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
    "claim",
    "seq",
  ]) {
    expect(page).toContain(column);
    named.push(`jobs.${column}`);
  }
  expect(named.filter((name) => !names.has(name))).toEqual([]);
});
