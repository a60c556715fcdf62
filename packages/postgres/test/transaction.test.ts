import { connect, defineJob, isWaybillError, type Jobs, type OutcomeEvent } from "@waybill/core";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { serviceUrl } from "@waybill/test-servers";
import { Kysely, PostgresDialect } from "kysely";
import { DataSource } from "typeorm";
import { afterEach, describe, expect, test } from "vitest";
import { fromDrizzle, fromKysely, fromPrisma, fromTypeOrm, type Transaction } from "../src/index.ts";
import { freshUrl, lease, message, open, freshSchema, sql, testPool } from "./database.ts";

const greet = defineJob({ type: "greeting.print" });
const connections = new Set<Jobs>();

afterEach(async () => {
  await Promise.all([...connections].map((jobs) => jobs.close()));
  connections.clear();
});

async function connected(): Promise<Jobs> {
  const jobs = await connect(await freshUrl(), { log: "off" });
  connections.add(jobs);
  return jobs;
}

/** Runs `work` in a transaction of the library, and rolls back by throwing when `work` throws. */
type Library = (work: (transaction: Transaction) => Promise<void>) => Promise<void>;

const withPg: Library = async (work) => {
  const client = await (await testPool()).connect();
  try {
    await client.query("BEGIN");
    await work(client);
    await client.query("COMMIT");
  } catch (thrown) {
    await client.query("ROLLBACK");
    throw thrown;
  } finally {
    client.release();
  }
};

const libraries: Readonly<Record<string, Library>> = {
  pg: withPg,
  kysely: async (work) => {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: await testPool() }) });
    await db.transaction().execute((trx) => work(fromKysely(trx)));
  },
  drizzle: async (work) => {
    const db = drizzle({ client: await testPool() });
    await db.transaction((tx) => work(fromDrizzle(tx, drizzleSql)));
  },
  typeorm: async (work) => {
    const source = await new DataSource({ type: "postgres", url: await serviceUrl("postgres") }).initialize();
    try {
      await source.transaction((manager) => work(fromTypeOrm(manager)));
    } finally {
      await source.destroy();
    }
  },
  // Prisma's client is code that its command generates, with a program it downloads.
  "a library that returns rows alone, as Prisma does": (work) =>
    withPg((client) =>
      work(fromPrisma({ $queryRawUnsafe: async (text, ...values) => (await client.query(text, values)).rows })),
    ),
};

describe.each(Object.entries(libraries))("in a transaction of %s", (_, inTransaction) => {
  test("an enqueued job is stored once it commits, and not before", async () => {
    const jobs = await connected();
    let during: unknown;
    await inTransaction(async (transaction) => {
      const { stored } = await jobs.enqueueIn(transaction, greet, { name: 'Ada "L" \\' });
      expect(stored).toBe(true);
      during = await jobs.inspector?.counts();
    });
    expect(during).toEqual([]);
    const [counts] = (await jobs.inspector?.counts()) ?? [];
    expect(counts?.ready).toBeGreaterThan(0);
  });

  test("an enqueued job is not stored if it rolls back", async () => {
    const jobs = await connected();
    const work = inTransaction(async (transaction) => {
      await jobs.enqueueIn(transaction, greet, {});
      throw new Error("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await jobs.inspector?.counts()).toEqual([]);
  });

  test("a completed job is done once it commits, and is still leased if it rolls back", async () => {
    const backend = await open({ schema: freshSchema() });
    await backend.enqueue([message()]);
    const [oneLease] = await lease(backend);
    if (oneLease === undefined) throw new Error("nothing was leased");
    const work = inTransaction(async (transaction) => {
      await backend.completeIn(transaction, oneLease);
      throw new Error("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await backend.extend([oneLease], 30_000)).toMatchObject([{ ok: true }]);
    await inTransaction((transaction) => backend.completeIn(transaction, oneLease));
    expect(await backend.extend([oneLease], 30_000)).toMatchObject([{ ok: false, error: { code: "LEASE_LOST" } }]);
    expect(await backend.inspector.counts()).toMatchObject([{ leased: 0, finished: 1 }]);
  });
});

test("the commit of a job enqueued in a transaction wakes a worker that waits", async () => {
  const jobs = await connected();
  const ran: number[] = [];
  const worker = jobs.worker({
    jobs: [defineJob({ type: "greeting.print", handler: () => void ran.push(Date.now()) })],
  });
  await worker.start();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await withPg(async (client) => void (await jobs.enqueueIn(client, "greeting.print", {})));
  const committed = Date.now();
  await expect.poll(() => ran.length, { timeout: 5_000, interval: 5 }).toBe(1);
  expect((ran[0] ?? 0) - committed).toBeLessThan(500);
});

describe("a job completed within the handler's transaction", () => {
  test("is done once it commits: the row is written, the job never runs again, and the outcome names who settled it", async () => {
    const schema = freshSchema();
    const jobs = await connect(await freshUrl(schema), { log: "off" });
    connections.add(jobs);
    await sql(`CREATE TABLE "${schema}".receipts (job text)`);
    const handler = (_: unknown, job: { id: string; completeIn(transaction: unknown): Promise<void> }) =>
      withPg(async (client) => {
        await client.query(`INSERT INTO "${schema}".receipts VALUES ($1)`, [job.id]);
        await job.completeIn(client);
      });
    const settled: OutcomeEvent[] = [];
    jobs.events.on("settled", (event) => settled.push(event));
    const { id } = await jobs.enqueue(greet, {});
    const worker = jobs.worker({ jobs: [defineJob({ type: "greeting.print", handler })] });
    await worker.start();
    await expect.poll(() => settled.length, { timeout: 5_000 }).toBe(1);
    expect(settled[0]).toMatchObject({ id, outcome: "completed" });
    expect(await sql(`SELECT job FROM "${schema}".receipts`)).toEqual([{ job: id }]);
    expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 0, delayed: 0, leased: 0, dead: 0, finished: 1 }]);
  });

  test("runs again when the transaction is rolled back", async () => {
    const jobs = await connected();
    const attempts: number[] = [];
    const worker = jobs.worker({
      jobs: [
        defineJob({
          type: "greeting.print",
          retry: { initial: 10, jitter: false },
          handler: (_, job) =>
            withPg(async (client) => {
              await job.completeIn(client);
              attempts.push(job.attempt);
              if (job.attempt === 1) throw new Error("not this time");
            }),
        }),
      ],
    });
    await jobs.enqueue(greet, {});
    await worker.start();
    await expect.poll(() => attempts, { timeout: 10_000 }).toEqual([1, 2]);
    await expect.poll(async () => (await jobs.inspector?.counts())?.[0]?.finished, { timeout: 5_000 }).toBe(1);
  });

  test("is refused as LEASE_LOST once its lease is lost", async () => {
    const backend = await open({ schema: freshSchema() });
    await backend.enqueue([message()]);
    const [late] = await lease(backend, { leaseMs: 50 });
    const [oneLease] = await lease(backend, { waitMs: 5_000 });
    expect(oneLease?.lost).toBe(1);
    if (late === undefined || oneLease === undefined) throw new Error("nothing was leased");
    const refused = await withPg((client) => backend.completeIn(client, late)).catch((thrown: unknown) => thrown);
    expect(isWaybillError(refused, "LEASE_LOST")).toBe(true);
    expect(await backend.ack([oneLease])).toEqual([{ ok: true, value: null }]);
  });
});

test("where the backend has no transactions, both are refused as CAPABILITY_MISSING", async () => {
  const jobs = await connect("memory:", { log: "off" });
  connections.add(jobs);
  await expect(jobs.enqueueIn({}, greet, {})).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  const refusals: unknown[] = [];
  const handler = async (_: unknown, job: { completeIn(transaction: unknown): Promise<void> }) => {
    await job.completeIn({}).catch((thrown: unknown) => refusals.push(thrown));
  };
  await jobs.enqueue(greet, {});
  await jobs.worker({ jobs: [defineJob({ type: "greeting.print", handler })] }).start();
  await expect.poll(() => refusals).toMatchObject([{ code: "CAPABILITY_MISSING" }]);
});

test("a handle that is no transaction is refused by name, without a call to the server", async () => {
  const backend = await open({ schema: freshSchema() });
  for (const handle of ["begin", null, undefined, {}, { query: "SELECT 1" }] as never[]) {
    const code = "CONFIG_INVALID";
    const remedy = expect.stringContaining('hand in the client of "pg"') as unknown;
    await expect(backend.enqueueIn(handle, [message()])).rejects.toMatchObject({ code, message: remedy });
    await backend.enqueue([message()]);
    const [leased] = await lease(backend);
    if (leased === undefined) throw new Error("nothing was leased");
    await expect(backend.completeIn(handle, leased)).rejects.toMatchObject({ code, message: remedy });
    await backend.ack([leased]);
  }
});

describe("a handle outside a transaction is refused, and nothing is stored or completed", () => {
  const handles: Readonly<Record<string, readonly [remedy: RegExp, handle: () => Promise<[unknown, () => unknown]>]>> =
    {
      "a Pool": [/is a Pool.*BEGIN.*pool\.connect/, async () => [await testPool(), () => {}]],
      "a client without BEGIN": [
        /in no transaction.*run BEGIN/,
        async () => {
          const client = await (await testPool()).connect();
          return [client, () => client.release()];
        },
      ],
      "a wrapper of a Pool": [
        /in no transaction.*run BEGIN/,
        async () => {
          const pool = await testPool();
          return [{ query: (text: string, values: unknown[]) => pool.query(text, values) }, () => {}];
        },
      ],
      "Kysely's database": [
        /in no transaction.*of your library/,
        async () => {
          const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: await testPool() }) });
          return [fromKysely(db), () => {}];
        },
      ],
      "Drizzle's database": [
        /in no transaction.*of your library/,
        async () => [fromDrizzle(drizzle({ client: await testPool() }), drizzleSql), () => {}],
      ],
      "TypeORM's manager": [
        /in no transaction.*of your library/,
        async () => {
          const source = await new DataSource({ type: "postgres", url: await serviceUrl("postgres") }).initialize();
          return [fromTypeOrm(source.manager), () => source.destroy()];
        },
      ],
      "Prisma's client": [
        /in no transaction.*of your library/,
        async () => {
          const pool = await testPool();
          const rows = async (text: string, ...values: unknown[]) => (await pool.query(text, values)).rows;
          return [fromPrisma({ $queryRawUnsafe: rows }), () => {}];
        },
      ],
    };

  test.each(Object.entries(handles))("%s", async (_, [remedy, open_]) => {
    const backend = await open({ schema: freshSchema() });
    const [handle, done] = (await open_()) as [Transaction, () => unknown];
    try {
      const refusal = { code: "CONFIG_INVALID", message: expect.stringMatching(remedy) as unknown };
      await expect(backend.enqueueIn(handle, [message()])).rejects.toMatchObject(refusal);
      expect(await backend.inspector.counts()).toEqual([]);
      await backend.enqueue([message()]);
      const [leased] = await lease(backend);
      if (leased === undefined) throw new Error("nothing was leased");
      await expect(backend.completeIn(handle, leased)).rejects.toMatchObject(refusal);
      expect(await backend.ack([leased])).toEqual([{ ok: true, value: null }]);
    } finally {
      await done();
    }
  });
});

test("a failed transaction is refused, with what to do, and so is one on another database", async () => {
  const backend = await open({ schema: freshSchema() });
  const failed = withPg(async (client) => {
    await client.query("SELECT 1/0", []).catch(() => {});
    await backend.enqueueIn(client, [message()]);
  });
  await expect(failed).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/has failed by an earlier statement.*roll it back/) as unknown,
  });
  const schema = freshSchema();
  const elsewhere = await open({ schema });
  await sql(`DROP SCHEMA "${schema}" CASCADE`);
  const refused = withPg(async (client) => void (await elsewhere.enqueueIn(client, [message()])));
  await expect(refused).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/the same database/) as unknown,
  });
});

test("a client that knows its transaction needs no second statement", async () => {
  const backend = await open({ schema: freshSchema() });
  await withPg(async (client) => {
    const texts: string[] = [];
    const { query } = client;
    client.query = (text, values) => (texts.push(text), query.call(client, text, values));
    await backend.enqueueIn(client, [message()]);
    expect(texts).toHaveLength(1);
    client.query = query;
  });
});

test("a program that requires transactions starts on this backend", async () => {
  const jobs = await connect(await freshUrl(), { log: "off", require: ["transactions"] });
  connections.add(jobs);
  expect(jobs.backend.name).toBe("postgres");
});
