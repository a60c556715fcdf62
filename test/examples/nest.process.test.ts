import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startPostgres, type TestServer } from "@waybill/test-servers";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { installExamples, type Examples } from "./frame/install.ts";
import { post, responds } from "./frame/requests.ts";
import type { Running } from "./frame/scripts.ts";

// Nest 11 and Nest 12 are two projects: a package is installed once in each, and finds one Nest.
const on12 = ["nest-esm", "nest-config", "nest-drizzle", "nest-typeorm", "nest-prisma"];
const on11 = ["nest-commonjs"];
const orms = ["nest-drizzle", "nest-typeorm", "nest-prisma"] as const;

let installed: readonly Examples[] = [];
let postgres: TestServer;
beforeAll(async () => {
  installed = [await installExamples(on12), await installExamples(on11)];
  postgres = await startPostgres();
}, 900_000);
afterAll(async () => {
  await Promise.all(installed.map((one) => one.remove()));
  await postgres?.stop();
});

function examplesWith(name: string): Examples {
  const found = installed[on12.includes(name) ? 0 : 1];
  if (found === undefined) throw new Error("nothing is installed");
  return found;
}

/** Builds the example and starts it. Returns once it accepts requests, with its URL. */
async function serve(example: string, env: Record<string, string> = {}): Promise<{ app: Running; url: string }> {
  // Prisma's generator needs no engine, but its command would download one: here no other host can be reached.
  await examplesWith(example).run(example, { script: "build", env: { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath } });
  return start(example, env);
}

async function start(example: string, env: Record<string, string>): Promise<{ app: Running; url: string }> {
  const port = await freePort();
  const app = examplesWith(example).start(example, { script: "start:prod", env: { PORT: `${port}`, ...env } });
  // Fails with the output if the process ends before.
  await app.said("successfully started");
  const url = `http://127.0.0.1:${port}`;
  await responds(url);
  return { app, url };
}

describe.concurrent("examples for Nest", () => {
  test.for(["nest-esm", "nest-commonjs"])(
    "%s: a posted order sends its receipt, and its own tests pass",
    async (name) => {
      const { app, url } = await serve(name);
      expect(await post(`${url}/orders`, { orderId: "o_1" })).toMatchObject({ status: 202, body: { orderId: "o_1" } });
      await app.said("receipt for o_1");
      expect(await post(`${url}/orders`, { orderId: 1 })).toMatchObject({ status: 400 });
      await app.stop();
      expect(await examplesWith(name).run(name, { script: "test" })).toMatch(/Tests:? +[12] passed/);
    },
  );

  test("nest-config: web server and worker are one build; a product is reindexed once, a schedule runs now", async () => {
    const { url } = await serve("nest-config", { WORKER_CONCURRENCY: "0" });
    const [first, second] = [
      await post(`${url}/products/p_1/reindex`, {}),
      await post(`${url}/products/p_1/reindex`, {}),
    ];
    expect(first).toMatchObject({ status: 202, body: { jobId: expect.any(String) } });
    expect(second).toEqual(first);
    const { app: worker } = await start("nest-config", { WORKER_CONCURRENCY: "2" });
    await worker.said("reindexed p_1");
    // The worker declares the schedule, soon after its start.
    await vi.waitFor(async () => expect(await post(`${url}/report`, {})).toMatchObject({ status: 202 }), 20_000);
    await worker.said("report of 20");
    expect(worker.output().split("reindexed p_1")).toHaveLength(2);
  });

  test.for(orms)("%s: an order and its job are committed or rolled back together", async (name) => {
    const database = name.replace("-", "_");
    const DATABASE_URL = await createDatabase(name, database);
    const { app, url } = await serve(name, { DATABASE_URL });
    const sql = new Client(DATABASE_URL);
    await sql.connect();
    try {
      await sql.query("INSERT INTO products (id, stock) VALUES ('book', 1)");
      expect(await post(`${url}/orders`, { orderId: "o_1", productId: "book" })).toMatchObject({ status: 201 });
      expect(await post(`${url}/orders`, { orderId: "o_2", productId: "book" })).toMatchObject({
        status: 409,
        body: { message: "book is sold out" },
      });
      await app.said("receipt for o_1");
      const orders = "SELECT id FROM orders WHERE receipt_sent_at IS NOT NULL OR id <> 'o_1'";
      await vi.waitFor(async () => expect((await sql.query(orders)).rows).toEqual([{ id: "o_1" }]), 20_000);
      // Every job that there is or was: waiting, finished, dead.
      const jobs = `SELECT (SELECT count(*) FROM waybill.jobs)::int AS waiting,
        (SELECT coalesce(sum(count), 0) FROM waybill.finished)::int AS finished,
        (SELECT count(*) FROM waybill.dead)::int AS dead`;
      const only = [{ waiting: 0, finished: 1, dead: 0 }];
      await vi.waitFor(async () => expect((await sql.query(jobs)).rows).toEqual(only), 20_000);
      expect(app.output()).not.toContain("receipt for o_2");
    } finally {
      await sql.end();
    }
  });
});

/** A database of its own, with the tables of the example's Prisma migrations; the others make their tables themselves. */
async function createDatabase(example: string, database: string): Promise<string> {
  const admin = new Client(postgres.url);
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const url = postgres.url.replace(/[^/]*$/, database);
  const client = new Client(url);
  await client.connect();
  // As `prisma migrate deploy`, whose engine would have to be downloaded.
  for (const file of globSync("prisma/migrations/*/migration.sql", {
    cwd: examplesWith(example).folderOf(example),
  }).toSorted()) {
    await client.query(readFileSync(join(examplesWith(example).folderOf(example), file), "utf8"));
  }
  await client.end();
  return url;
}
