import { randomUUID } from "node:crypto";
import { connect, defineJob } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { Client, Pool, types } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { type PostgresBackend, postgresBackend, type PostgresOptions } from "../../src/index.ts";
import { context, freshSchema, lease, message, sqlAt } from "../database.ts";

type Defaults = readonly (readonly [name: string, value: string])[];

/** Defaults of a database, role or server that change the meaning of statements. */
const DECISIVE: Defaults = [
  ["default_transaction_isolation", "serializable"],
  ["default_transaction_isolation", "repeatable read"],
  ["default_transaction_read_only", "on"],
  ["array_nulls", "off"],
  ["extra_float_digits", "-15"],
];

/** Other defaults, each far from its usual value. */
const HARMLESS: Defaults = [
  ["default_transaction_deferrable", "on"],
  ["search_path", "nowhere"],
  ["TimeZone", "Asia/Kathmandu"],
  ["DateStyle", "SQL, DMY"],
  ["IntervalStyle", "sql_standard"],
  ["bytea_output", "escape"],
  ["standard_conforming_strings", "off"],
  ["backslash_quote", "off"],
  ["client_encoding", "LATIN1"],
  ["transform_null_equals", "on"],
  ["quote_all_identifiers", "on"],
  ["row_security", "off"],
  ["check_function_bodies", "off"],
  ["plpgsql.variable_conflict", "error"],
  ["plpgsql.extra_errors", "all"],
  ["plan_cache_mode", "force_custom_plan"],
  ["jit_above_cost", "0"],
  ["enable_indexscan", "off"],
  ["enable_seqscan", "off"],
  ["enable_nestloop", "off"],
  ["default_toast_compression", "lz4"],
  ["xmloption", "document"],
  ["lc_messages", "C"],
  ["client_min_messages", "debug1"],
  ["force_parallel_mode", "on"],
  ["synchronous_commit", "off"],
];

/** Settings that end statements and sessions. On a connection of another program, they are its own decision. */
const ENDING: Defaults = [
  ["lock_timeout", "200ms"],
  ["statement_timeout", "3s"],
  ["idle_in_transaction_session_timeout", "5ms"],
  ["idle_session_timeout", "5s"],
  ["exit_on_error", "on"],
];

const database = `defaults_${randomUUID().slice(0, 8)}`;
type Service = "postgres" | "pgbouncer";
/** The database on each of the two, which need not be the same server. */
const on = async (service: Service): Promise<string> => (await serviceUrl(service)).replace(/\/[^/]*$/, `/${database}`);
const administer = async (service: Service, text: string): Promise<void> => sqlAt(await serviceUrl(service), text);

afterAll(async () => {
  for (const service of made) await administer(service, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
});

const made = new Set<Service>();

/** Leaves out settings that this server's version does not have. */
async function knownBy(service: Service): Promise<Set<string>> {
  const client = new Client({ connectionString: await serviceUrl(service) });
  await client.connect();
  // Those of PL/pgSQL are there once it is loaded.
  const { rows } = await client.query<{ name: string }>("SELECT lower(name) AS name FROM pg_settings");
  await client.end();
  return new Set([...rows.map(({ name }) => name), "plpgsql.variable_conflict", "plpgsql.extra_errors"]);
}

/** PgBouncer may stand before the server on which the database was made already. */
async function hasDatabase(service: Service): Promise<boolean> {
  const client = new Client({ connectionString: await serviceUrl(service) });
  await client.connect();
  const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [database]);
  await client.end();
  return rowCount === 1;
}

async function setDefaults(service: Service, defaults: Defaults): Promise<void> {
  const known = await knownBy(service);
  if (!made.has(service) && !(await hasDatabase(service))) await administer(service, `CREATE DATABASE ${database}`);
  made.add(service);
  const hostile = defaults.filter(([name]) => known.has(name.toLowerCase()));
  const set = hostile.map(([name, value]) => `ALTER DATABASE ${database} SET ${name} = '${value}';`);
  await administer(service, `ALTER DATABASE ${database} RESET ALL; ${set.join(" ")}`);
}

const body = 'a "quote", a \\backslash, an é and a 😀';

/** Calls everything that a backend does with a job once, and checks each result. */
async function useAll(service: Service, given: { readonly pool?: Pool } = {}): Promise<void> {
  const options = { url: await on(service), schema: freshSchema(), ...given };
  const open = (): Promise<PostgresBackend> =>
    postgresBackend(options)({
      ...context,
      admit: (text) => ({ ok: true, message: message({ id: "arrived", body: text }) }),
    });
  const backend = await open();
  try {
    const first = { ...message({ id: "first", body, tenant: null, priority: 3 }) };
    const delayed = message({ id: "delayed", delayMs: 40 });
    const stored = await backend.enqueue([first, delayed, message({ id: "second", tenant: "null" })]);
    expect(stored).toEqual(["first", "delayed", "second"].map((id) => ({ ok: true, value: { id, stored: true } })));
    const [again, conflict] = await backend.enqueue([first, { ...delayed, body: "another" }]);
    expect(again).toEqual({ ok: true, value: { id: "first", stored: false } });
    expect(conflict).toMatchObject({ ok: false, error: { code: "ID_CONFLICT" } });

    const [one, two] = await lease(backend, { limit: 2 });
    expect(one).toMatchObject({ id: "first", body, tenant: null, priority: 3, attempt: 1, dueAt: null });
    expect(two).toMatchObject({ id: "second", tenant: "null" });
    if (!one || !two) throw new Error("no leases");
    expect(await backend.extend([one], 60_000)).toMatchObject([{ ok: true, value: expect.any(Number) }]);
    await backend.retry(one, { delayMs: 30, countsAttempt: true });
    await backend.deadLetter(two, { code: "TEST", message: body });

    const due = [...(await lease(backend, { limit: 1, waitMs: 5_000 })), ...(await lease(backend, { waitMs: 5_000 }))];
    expect(due.map(({ id }) => id).sort()).toEqual(["delayed", "first"]);
    expect(due.every(({ dueAt }) => Math.abs(Date.now() - Number(dueAt)) < 60_000)).toBe(true);
    expect(due.find(({ id }) => id === "first")).toMatchObject({ attempt: 2, body });
    expect(await backend.inspector.counts()).toMatchObject([{ ready: 0, leased: 2, dead: 1, finished: 0 }]);
    const [dead] = await backend.inspector.deadLetters();
    expect(dead).toMatchObject({ id: "second", reason: { code: "TEST", message: body } });
    expect(Math.abs(Date.now() - Number(dead?.diedAt))).toBeLessThan(60_000);
    expect(await backend.inspector.replay()).toBe(1);
    // The time limits of another program's producer would end this test on a busy machine.
    const unhurried = encodeURIComponent("-c lock_timeout=0 -c statement_timeout=0 -c exit_on_error=off");
    await sqlAt(
      service === "postgres" ? `${options.url}?options=${unhurried}` : options.url,
      `BEGIN READ WRITE; INSERT INTO "${options.schema}".inbox (id, envelope) VALUES ('arrived', 'x'); COMMIT`,
    );
    const rest = [...(await lease(backend, { limit: 1, waitMs: 5_000 })), ...(await lease(backend, { waitMs: 5_000 }))];
    expect(rest.map(({ id }) => id).sort()).toEqual(["arrived", "second"]);
    const acked = await backend.ack([...due, ...rest]);
    expect(acked.map(({ ok }) => ok)).toEqual([true, true, true, true]);

    const elsewhere = await open();
    const waiting = lease(elsewhere, { waitMs: 20_000, queue: "notified" });
    await backend.enqueue([message({ id: "notified", queue: "notified" })]);
    expect(await waiting).toMatchObject([{ id: "notified" }]);
    await elsewhere.close();
    await backend.workerRegistry.announce("worker", "facts", 60_000);
    expect(await backend.workerRegistry.list()).toMatchObject([{ id: "worker", facts: "facts" }]);
  } finally {
    await backend.close();
  }
}

describe("the defaults of a database change nothing for waybill", () => {
  test.for([...DECISIVE, ...ENDING])("%s = %s", async (hostile) => {
    await setDefaults("postgres", [hostile]);
    await useAll("postgres");
  });

  test("nor do all of them together, with all other defaults of the session", async () => {
    await setDefaults("postgres", [...HARMLESS, ...DECISIVE, ...ENDING]);
    await useAll("postgres");
  });

  test("nor through a pool that was handed in, whose owner parses numbers differently", async () => {
    await setDefaults("postgres", [...HARMLESS, ...DECISIVE]);
    const theirs = { getTypeParser: (oid: number) => (oid === 20 ? BigInt : types.getTypeParser(oid)) };
    const pool = new Pool({ connectionString: await on("postgres"), types: theirs as never });
    await useAll("postgres", { pool });
    expect(pool.listenerCount("error")).toBe(0);
    await pool.end();
  });

  test("nor through PgBouncer, which loses the settings of a session", async () => {
    await setDefaults("pgbouncer", [...HARMLESS, ...DECISIVE]);
    await useAll("pgbouncer");
    const pool = new Pool({ connectionString: await on("pgbouncer") });
    const { rows } = await pool.query("SHOW array_nulls");
    expect(rows).toEqual([{ array_nulls: "off" }]);
    await pool.end();
  });
});

describe("where transactions are serializable by default", () => {
  const job = defineJob({ type: "count.one" });
  const JOBS = 600;

  /** Producers on two connections and a worker on a third, all at once; what was refused, and which jobs ran. */
  async function underLoad(
    options: PostgresOptions,
    opened: () => void = () => undefined,
  ): Promise<{ refused: unknown[]; ran: number; unavailable: string[] }> {
    const backends = [1, 2, 3].map(() => connect(postgresBackend(options), { log: "off" }));
    const [one, two, third] = await Promise.all(backends);
    if (!one || !two || !third) throw new Error("not connected");
    opened();
    const ran = new Set<string>();
    const unavailable: string[] = [];
    const all = Promise.withResolvers<void>();
    const handler = (_payload: unknown, { id }: { readonly id: string }): void => {
      if (ran.add(id).size === JOBS) all.resolve();
    };
    const worker = third.worker({ jobs: [defineJob({ type: "count.one", handler })], concurrency: 20 });
    third.events.on("unavailable", ({ message: said }) => unavailable.push(said));
    await worker.start();
    const lane = async (jobs: typeof one): Promise<unknown[]> => {
      const results: PromiseSettledResult<unknown>[] = [];
      for (let at = 0; at < JOBS / 30; at += 1) results.push(...(await Promise.allSettled([jobs.enqueue(job, {})])));
      return results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    };
    const refused = (await Promise.all(Array.from({ length: 30 }, (_, at) => lane(at % 2 ? one : two)))).flat();
    await all.promise;
    await Promise.all([one.close(), two.close(), third.close()]);
    return { refused, ran: ran.size, unavailable };
  }

  test("no enqueue is refused and every job runs", async () => {
    await setDefaults("postgres", [["default_transaction_isolation", "serializable"]]);
    const result = await underLoad({ url: await on("postgres"), schema: freshSchema() });
    expect(result).toEqual({ refused: [], ran: JOBS, unavailable: [] });
  });

  test("nor through a pool whose connections become so while it is used", async () => {
    await setDefaults("postgres", []);
    const pool = new Pool({ connectionString: await on("postgres"), max: 9 });
    const options = { url: await on("postgres"), pool, schema: freshSchema() };
    const result = await underLoad(options, () => {
      pool.options.options = "-c default_transaction_isolation=serializable";
    });
    expect(result).toEqual({ refused: [], ran: JOBS, unavailable: [] });
    await pool.end();
  });

  test("a conflict within the caller's transaction is an error that asks the caller to repeat it", async () => {
    await setDefaults("postgres", []);
    const backend = await postgresBackend({ url: await on("postgres"), schema: freshSchema() })(context);
    const client = new Client({ connectionString: await on("postgres") });
    await client.connect();
    await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1");
    const twin = message({ id: "twin" });
    await backend.enqueue([twin]);
    await expect(backend.enqueueIn(client, [twin])).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: /your transaction.*40001.*roll back and repeat/,
      cause: { code: "40001" },
    });
    await client.query("ROLLBACK");
    await client.end();
    await backend.close();
  });
});
