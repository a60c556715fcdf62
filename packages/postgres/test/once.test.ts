import { connect, defineJob, type Jobs } from "@waybill/core";
import { bookOnce, type Transact } from "@waybill/test-servers/features";
import type { PoolClient } from "pg";
import { afterEach, expect, test } from "vitest";
import { freshSchema, freshUrl, sql, testPool } from "./database.ts";

const open: Jobs[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((jobs) => jobs.close()));
});

/** A connection, and a table of the test in the schema of its jobs. */
async function prepared(): Promise<{ jobs: Jobs; table: string; url: string }> {
  const schema = freshSchema();
  const url = await freshUrl(schema);
  const jobs = await connect(url, { log: "off" });
  open.push(jobs);
  await sql(`CREATE TABLE "${schema}".bookings (job text)`);
  return { jobs, table: `"${schema}".bookings`, url };
}

async function inTransaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await (await testPool()).connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (thrown) {
    await client.query("ROLLBACK");
    throw thrown;
  } finally {
    client.release();
  }
}

const countOf = async (table: string): Promise<number> =>
  Number((await sql(`SELECT count(*)::int AS count FROM ${table}`))[0]?.["count"]);

test("R46: an effect in a transaction that committed is not repeated; one that rolled back is made again", async () => {
  const { jobs, table } = await prepared();
  const transact: Transact = (work) =>
    inTransaction((client) => work(client, (job) => client.query(`INSERT INTO ${table} VALUES ($1)`, [job])));
  const failures = ["before the commit", "after it"] as const;
  const results = await bookOnce(jobs, transact, (attempt) => failures[attempt - 1] ?? null);
  expect(results).toEqual(["booked by attempt 1", "booked by attempt 2", "booked by attempt 2"]);
  expect(await countOf(table)).toBe(1);
});

test("R46: transactions of the same key that run at the same time have one effect; the others wait and get its result", async () => {
  const { jobs, table } = await prepared();
  const results: unknown[] = [];
  const book = defineJob({
    type: "order.book",
    async handler(_, job) {
      await inTransaction(async (client) => {
        const insert = async (): Promise<string> => {
          await client.query(`INSERT INTO ${table} VALUES ($1)`, [job.id]);
          await client.query("SELECT pg_sleep(0.2)");
          return job.id;
        };
        results.push(await job.once("book", insert, { in: client, scope: "order-7" }));
      });
    },
  });
  await jobs.worker({ jobs: [book], concurrency: 3 }).start();
  for (let count = 0; count < 3; count += 1) await jobs.enqueue(book, {});
  await expect.poll(() => results.length, { timeout: 20_000 }).toBe(3);
  expect(new Set(results).size).toBe(1);
  expect(await countOf(table)).toBe(1);
});

test("a key whose fn failed within the transaction is free, also when the caller commits in spite of it", async () => {
  const { jobs, table } = await prepared();
  const results: unknown[] = [];
  const book = defineJob({
    type: "order.book",
    async handler(_, job) {
      await inTransaction(async (client) => {
        const refused = (): never => {
          throw new Error("declined");
        };
        results.push(await job.once("book", refused, { in: client }).catch((error: Error) => error.message));
      });
      results.push(await inTransaction((client) => job.once("book", () => "booked", { in: client })));
    },
  });
  await jobs.worker({ jobs: [book] }).start();
  await jobs.enqueue(book, {});
  await expect.poll(() => results, { timeout: 20_000 }).toEqual(["declined", "booked"]);
  expect(await countOf(table)).toBe(0);
});
