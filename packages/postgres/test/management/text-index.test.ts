import { connect, defineJob, type Jobs } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { sqlAt } from "../database.ts";

const note = defineJob({ type: "note", handler: () => undefined });

async function opened(url: string): Promise<Jobs> {
  const jobs = await connect(url, { log: "off", records: { keep: "7d", search: true } });
  onTestFinished(() => jobs.close());
  await jobs.worker({ jobs: [note] }).start();
  return jobs;
}

const textsOf = async (jobs: Jobs): Promise<string | undefined> =>
  (await jobs.doctor?.checks())?.find(({ check }) => check === "postgres.text_index")?.message;

async function isFound(jobs: Jobs, text: string): Promise<boolean> {
  const { id } = await jobs.enqueue(note, { text });
  const { records } = await jobs.records.find({ text: text.toUpperCase() });
  return records.some((record) => record.id === id);
}

test("texts are found where the user may not create pg_trgm, and by an index once the extension is there", async () => {
  const server = await serviceUrl("postgres");
  const name = `texts_${Math.random().toString(36).slice(2, 10)}`;
  await sqlAt(server, `CREATE ROLE ${name} LOGIN PASSWORD '${name}'`);
  await sqlAt(server, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  onTestFinished(async () => {
    await sqlAt(server, `DROP DATABASE ${name} WITH (FORCE)`);
    await sqlAt(server, `DROP ROLE ${name}`);
  });
  const admin = server.replace(/\/[^/?]*(\?|$)/, `/${name}$1`);
  await sqlAt(admin, `CREATE SCHEMA waybill AUTHORIZATION ${name}`);
  const url = admin.replace(/\/\/[^@/]*@/, `//${name}:${name}@`);

  const without = await opened(url);
  expect(await isFound(without, "alpha")).toBe(true);
  expect(await textsOf(without)).toContain("have no index");
  await without.close();

  await sqlAt(admin, "CREATE EXTENSION pg_trgm");
  const indexed = await opened(url);
  await expect.poll(() => textsOf(indexed), { timeout: 20_000 }).toBe("texts of records have an index (pg_trgm)");
  expect(await isFound(indexed, "beta")).toBe(true);
  expect((await indexed.records.find({ text: "alpha" })).records).toHaveLength(1);
}, 60_000);
