import { serviceUrl } from "@waybill/test-servers";
import { Client } from "pg";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { freshSchema, lease, message, open, sql } from "../database.ts";

const one = { concurrency: { sync: 1 } };
const acme = (id: string) => message({ id, limitKeys: { sync: "acme" } });
const made = new Set<string>();
const idsOf = (leases: readonly { readonly id: string }[]): string[] => leases.map(({ id }) => id);

afterAll(async () => {
  for (const name of made) await sql(`DROP DATABASE "${name}" WITH (FORCE)`);
});

test("a number that another process raises lets waiting jobs start at once, in their order", async () => {
  const schema = freshSchema();
  const before = await open({ schema });
  await before.enqueue(["a", "b", "c", "d"].map(acme));
  expect(idsOf(await lease(before, one))).toEqual(["a"]);
  expect(await lease(before, one)).toEqual([]);
  const after = await open({ schema });
  expect(idsOf(await lease(after, { limit: 10, concurrency: { sync: 3 } }))).toEqual(["b", "c"]);
  expect(await sql(`SELECT id FROM "${schema}".jobs WHERE blocked_on IS NOT NULL`)).toEqual([{ id: "d" }]);
});

test("a job that was to start next and is cancelled, rescheduled or replaced lets the next one start instead", async () => {
  const backend = await open({ schema: freshSchema() });
  const replaced = { unique: { key: "k", until: "end", onConflict: "replace" }, limitKeys: { sync: "acme" } } as const;
  await backend.enqueue([acme("a"), acme("b"), acme("c"), message({ id: "d", ...replaced }), acme("e")]);
  const [first] = await lease(backend, one);
  if (!first) throw new Error("nothing was leased");
  expect(await lease(backend, one)).toEqual([]);
  await backend.ack([first]);
  expect(await backend.jobControl.cancel(["b"])).toEqual(["done"]);
  expect(await backend.jobControl.reschedule(["c"], 60_000)).toEqual(["done"]);
  expect(await backend.enqueue([message({ id: "f", ...replaced, limitKeys: { sync: "globex" } })])).toMatchObject([
    { ok: true, value: { replaced: "d" } },
  ]);
  expect(idsOf(await lease(backend, { ...one, limit: 10 })).toSorted()).toEqual(["e", "f"]);
});

test("a line whose key has no lease, since another program deleted the job, starts again by itself", async () => {
  const schema = freshSchema();
  const backend = await open({ schema });
  await backend.enqueue([acme("a"), acme("b")]);
  await lease(backend, one);
  expect(await lease(backend, one)).toEqual([]);
  await sql(`DELETE FROM "${schema}".jobs WHERE id = 'a'`);
  const random = Math.random;
  Math.random = () => 0;
  const eager = await open({ schema }).finally(() => (Math.random = random));
  expect(idsOf(await lease(eager, { ...one, waitMs: 10_000 }))).toEqual(["b"]);
  expect(await sql(`SELECT id FROM "${schema}".slots`)).toEqual([{ id: "b" }]);
});

/** The URL of a database of this file alone: a transaction that another test has open in ours would keep a vacuum from removing rows. */
async function ownDatabase(): Promise<string> {
  const name = freshSchema();
  await sql(`CREATE DATABASE "${name}"`);
  made.add(name);
  const url = new URL(await serviceUrl("postgres"));
  url.pathname = `/${name}`;
  return url.href;
}

/** How many pages of the database one lease of ten jobs reads, beside a full key for which so many jobs wait. */
async function pagesBeside(count: number, url: string, client: Client): Promise<() => Promise<number>> {
  const schema = freshSchema();
  const backend = await open({ schema, url });
  await client.query(`ALTER TABLE "${schema}".jobs SET (autovacuum_enabled = off)`);
  await backend.enqueue([acme("running")]);
  await lease(backend, one);
  await client.query(
    `INSERT INTO "${schema}".jobs (id, seq, queue, rank, enqueued_at, type, body, limit_keys)
    SELECT 'blocked-' || number, nextval('"${schema}".job_seq'), 'default', 0, now(), 'test.job', '{}', '{sync/acme}'
    FROM generate_series(1, $1::integer) AS number`,
    [count],
  );
  expect(await lease(backend, one)).toEqual([]);
  expect((await client.query(`SELECT 1 FROM "${schema}".jobs WHERE blocked_on IS NOT NULL`)).rows).toHaveLength(count);
  await backend.enqueue(Array.from({ length: 1_000 }, (_, key) => message({ limitKeys: { sync: String(key) } })));
  return async () => {
    const call = `SELECT * FROM "${schema}".lease_limited('default', 10, 60000, 7, '{sync}', '{1}', NULL, '{}')`;
    const plan = await client.query<Record<string, string>>(`EXPLAIN (ANALYZE, BUFFERS) ${call}`);
    const text = plan.rows.map((row) => row["QUERY PLAN"]).join("\n");
    return Number(/Buffers: shared hit=(\d+)/.exec(text)?.[1]);
  };
}

test("a full key costs a lease nothing that grows with the number of jobs that wait for it", async () => {
  const url = await ownDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  const few = await pagesBeside(100, url, client);
  const many = await pagesBeside(30_000, url, client);
  // The first call on a connection plans the statements.
  await few();
  const least = Math.min(await few(), await few(), await few());
  expect(least).toBeGreaterThan(0);
  // What was set aside leaves dead entries among the ready jobs, as leased jobs do, until the vacuum that we begin.
  await expect.poll(many, { timeout: 20_000, interval: 500 }).toBeLessThan(1.25 * least);
}, 60_000);
