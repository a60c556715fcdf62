/** Uses a pool that was handed in while it fails in every way. Prints the result of each call. Ends by itself when nothing is left open. */
import { connect, defineJob, isWaybillError } from "@waybill/core";
import { postgresBackend } from "@waybill/postgres";
import { Pool } from "pg";

const [url = "", schema = ""] = process.argv.slice(2);
const job = defineJob({ type: "count.one", handler: () => undefined });

/** A pool that fails as `strikes.now` says, once it is set. */
function failingPool(strikes: { now: (() => unknown) | null }): Pool {
  const pool = new Pool({ connectionString: url, max: 4 });
  const { query, connect: lend } = pool;
  return Object.assign(pool, {
    query: (...args: unknown[]): unknown => (strikes.now ?? (() => Reflect.apply(query, pool, args)))(),
    connect: (...args: unknown[]): unknown => (strikes.now ?? (() => Reflect.apply(lend, pool, args)))(),
  });
}

const killAll = async (): Promise<void> => {
  const admin = new Pool({ connectionString: url, max: 1 });
  await admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'struck' AND pid <> pg_backend_pid()",
  );
  await admin.end();
};

const MOMENTS: Readonly<Record<string, (pool: Pool, strikes: { now: (() => unknown) | null }) => unknown>> = {
  "throws at once": (_, strikes) => {
    strikes.now = () => {
      throw new Error("the owner's mistake");
    };
  },
  "rejects with nothing": (_, strikes) => void (strikes.now = () => Promise.reject(undefined as never)),
  "returns no result": (_, strikes) => void (strikes.now = () => Promise.resolve(undefined)),
  "never settles": (_, strikes) => void (strikes.now = () => new Promise(() => undefined)),
  "emits an error": (pool) => pool.emit("error", new Error("of an idle connection"), {} as never),
  "loses its connections": async () => {
    for (let times = 0; times < 10; times += 1) await killAll();
  },
  "is ended by its owner": (pool) => pool.end(),
};

async function survive(moment: string, strike: (typeof MOMENTS)[string]): Promise<object> {
  const strikes: { now: (() => unknown) | null } = { now: null };
  const pool = failingPool(strikes);
  if (moment === "loses its connections") pool.options.application_name = "struck";
  const before = pool.listenerCount("error");
  const jobs = await connect(postgresBackend({ url, pool, schema, listen: "off" }), {
    log: "off",
    enqueueTimeout: 500,
  });
  await jobs.worker({ jobs: [job], shutdown: { drain: 500, abort: 100, close: 500 } }).start();
  const calls = Array.from({ length: 5 }, () => jobs.enqueue(job, {}));
  const struck = strike(pool, strikes);
  calls.push(...Array.from({ length: 5 }, () => jobs.enqueue(job, {})));
  const said = await Promise.allSettled(calls);
  await struck;
  await jobs.close();
  if (!pool.ended) await pool.end();
  const strange = said.flatMap((one) => (one.status === "rejected" && !isWaybillError(one.reason) ? [one.reason] : []));
  // A close that met its time limit frees its connections a moment later.
  for (let tries = 0; tries < 40 && pool.listenerCount("error") > before; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { moment, strange, listeners: pool.listenerCount("error") - before };
}

const survived = await Promise.all(Object.entries(MOMENTS).map((one) => survive(...one)));
console.log(JSON.stringify(survived));
