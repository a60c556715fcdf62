import { beforeEach, describe, expect, test } from "vitest";
import type { PostgresBackend } from "../src/index.ts";
import { freshSchema, lease, message, open, sql, testPool } from "./database.ts";

let schema = "";
let backend: PostgresBackend;

beforeEach(async () => {
  schema = freshSchema();
  backend = await open({ schema });
});

/** Another program's trigger, which keeps every row of a table out and raises no error. */
async function swallow(table: string): Promise<void> {
  await sql(`CREATE FUNCTION "${schema}".swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`);
  await sql(`CREATE TRIGGER "Swallow it" BEFORE INSERT ON "${schema}".${table}
    FOR EACH ROW EXECUTE FUNCTION "${schema}".swallow()`);
}

describe("a trigger of another program that keeps jobs out", () => {
  const says = (id: string) => ({
    ok: false,
    error: {
      code: "BACKEND_UNAVAILABLE",
      message: `job "${id}" was not stored, though no other has its id: the trigger "Swallow it" that another program put on "${schema}".jobs refuses it; drop the trigger, or let its function return NEW`,
    },
  });

  test.for([
    ["without keys", {}],
    ["with a limit key", { limitKeys: { sync: "acme" } }],
  ] as const)("is named as the reason why a job %s is not stored", async ([, part]) => {
    await swallow("jobs");
    const job = message(part);
    expect(await backend.enqueue([job])).toMatchObject([says(job.id)]);
  });

  test("is named to a transaction of the caller, which can still be committed", async () => {
    const job = message();
    await swallow("jobs");
    const client = await (await testPool()).connect();
    try {
      await client.query("BEGIN");
      expect(await backend.enqueueIn(client, [job])).toMatchObject([says(job.id)]);
      expect(await client.query("COMMIT")).toMatchObject({ command: "COMMIT" });
    } finally {
      client.release();
    }
  });

  test("does not hide that the same job is there already", async () => {
    const [there, other] = [message(), message()];
    await backend.enqueue([there]);
    await swallow("jobs");
    expect(await backend.enqueue([there, other])).toMatchObject([
      { ok: true, value: { id: there.id, stored: false } },
      says(other.id),
    ]);
  });

  test("is named by the doctor, which finds none before", async () => {
    const finding = async () => (await backend.doctor.checks()).find(({ check }) => check === "postgres.triggers");
    expect(await finding()).toMatchObject({ severity: "ok", remedy: null });
    await swallow("slots");
    expect(await finding()).toMatchObject({
      severity: "warning",
      message: expect.stringContaining('"Swallow it" on slots'),
    });
  });
});

test("a job whose dead letter a trigger keeps out is not dead-lettered, and not lost", async () => {
  await backend.enqueue([message({ id: "kept" })]);
  const [leased] = await lease(backend);
  if (!leased) throw new Error("nothing was leased");
  await swallow("dead");
  await expect(backend.deadLetter(leased, { code: "CARD", message: "declined" })).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringContaining('job "kept" was not dead-lettered: a trigger on the table dead refuses it'),
  });
  await backend.retry(leased, { delayMs: 0, countsAttempt: false });
  expect(await lease(backend)).toMatchObject([{ id: "kept" }]);
});
