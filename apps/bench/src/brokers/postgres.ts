import { startPostgres } from "@waybill/test-servers";
import { createPostgresBackend, Queue, setDefaultBackendFactory, Worker } from "bullmq";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { Client, Pool } from "pg";
import { PgBoss } from "pg-boss";
import { describeError } from "@waybill/core";
import { type Broker, KEYS, type Side } from "./broker.ts";

export const postgres: Broker = {
  name: "postgres",
  startServer: () => startPostgres(),
  facts: [
    "PostgreSQL with fsync and synchronous_commit on, everything else as it comes; the same for every side",
    "pg-boss 12: send; fetch of as many as the concurrency, then complete of the same (its work() waits up to a poll)",
    "graphile-worker 0.18: add_job by its utils; local queue of 500 and completions batched for 250 ms: its fastest",
    "BullMQ 6 on PostgreSQL: add; one Worker with the concurrency",
  ],
  rivals: {
    "pg-boss": (url, queue) => openPgBoss(url, queue),
    "graphile-worker": (url, queue) => openGraphile(url, queue),
    "bullmq on postgres": openBullmq,
    "pg-boss, singletonKey": (url, queue) => openPgBoss(url, queue, true),
    "graphile-worker, jobKey": (url, queue) => openGraphile(url, queue, "jobKey"),
    "graphile-worker, queueName": (url, queue) => openGraphile(url, queue, "queueName"),
  },
  targets: {
    enqueue: [
      { peer: "pg-boss", factor: 10 },
      { peer: "graphile-worker", factor: 10 },
      { peer: "bullmq on postgres", factor: 10 },
    ],
    process: [
      { peer: "graphile-worker", factor: 1 },
      { peer: "pg-boss", factor: 1 },
      { peer: "bullmq on postgres", factor: 1 },
    ],
  },
  jobs: { enqueue: 5_000, process: 15_000 },
};

const CONNECTIONS = 10;
const TASK = "bench_noop";

async function inSlices(
  payloads: readonly object[],
  put: (slice: readonly object[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < payloads.length; from += 1_000) await put(payloads.slice(from, from + 1_000));
}

/** `singleton`: each job has a key of its own, of which one may be unfinished. */
async function openPgBoss(url: string, queue: string, singleton = false): Promise<Side> {
  const boss = new PgBoss({
    connectionString: url,
    schema: `boss_${queue}`,
    max: CONNECTIONS,
    supervise: false,
    schedule: false,
  });
  boss.on("error", complain);
  await boss.start();
  await boss.createQueue(queue, singleton ? { policy: "exclusive" } : {});
  let sent = 0;
  return {
    enqueue: (payload) => boss.send(queue, payload, singleton ? { singletonKey: String(sent++) } : {}),
    fill: (payloads) =>
      inSlices(payloads, (slice) =>
        boss.insert(
          queue,
          slice.map((data) => ({ data })),
        ),
      ),
    async process(concurrency, count, ran) {
      let ended = 0;
      while (ended < count) {
        const jobs = await boss.fetch<object>(queue, { batchSize: concurrency });
        await Promise.all(jobs.map(async (job) => job.data !== null && ran()));
        if (jobs.length > 0)
          await boss.complete(
            queue,
            jobs.map(({ id }) => id),
          );
        ended += jobs.length;
      }
    },
    storedJobs: () => countIn(url, `boss_${queue}.job WHERE name = '${queue}' AND state < 'completed'`),
    async close() {
      await boss.stop({ graceful: false });
      await dropSchema(url, `boss_${queue}`);
    },
  };
}

/** "jobKey": each job has a key of its own. "queueName": jobs of one name run one after the other, of `KEYS` names. */
async function openGraphile(url: string, queue: string, keyed?: "jobKey" | "queueName"): Promise<Side> {
  const schema = `graphile_${queue}`;
  const logger = new Logger(() => () => undefined);
  const pool = new Pool({ connectionString: url, max: CONNECTIONS }).on("error", complain).on("connect", (client) => {
    client.on("error", complain);
  });
  const utils = await makeWorkerUtils({ pgPool: pool, schema, logger });
  await utils.migrate();
  const preset = {
    worker: { schema, localQueue: { size: 500 }, completeJobBatchDelay: 250, failJobBatchDelay: 250 },
  };
  let added = 0;
  const name = (): { queueName?: string } => (keyed === "queueName" ? { queueName: `q${added++ % KEYS}` } : {});
  return {
    enqueue: (payload) => utils.addJob(TASK, payload, keyed === "jobKey" ? { jobKey: String(added++) } : {}),
    fill: (payloads) =>
      inSlices(payloads, (slice) => utils.addJobs(slice.map((payload) => ({ identifier: TASK, payload, ...name() })))),
    async process(concurrency, count, ran) {
      const done = tally(count);
      const handler = async (payload: unknown): Promise<void> => {
        if (payload !== undefined) ran();
        done.one();
      };
      const runner = await run({
        preset,
        pgPool: pool,
        schema,
        logger,
        concurrency,
        noHandleSignals: true,
        taskList: { [TASK]: handler },
      });
      await done.all;
      await runner.stop();
    },
    async storedJobs() {
      const { rows } = await pool.query<{ stored: number }>(
        `SELECT count(*)::integer AS stored FROM ${schema}._private_jobs`,
      );
      return rows[0]?.stored ?? 0;
    },
    async close() {
      await utils.release();
      await pool.end();
      await dropSchema(url, schema);
    },
  };
}

async function openBullmq(url: string, queue: string): Promise<Side> {
  setDefaultBackendFactory(createPostgresBackend as never);
  const connection = { connectionString: url, schema: `bullmq_${queue}`, max: CONNECTIONS, migrate: true } as never;
  const jobs = new Queue(queue, { connection, defaultJobOptions: { removeOnComplete: true } });
  await jobs.waitUntilReady();
  return {
    enqueue: (payload) => jobs.add(TASK, payload),
    fill: (payloads) => inSlices(payloads, (slice) => jobs.addBulk(slice.map((data) => ({ name: TASK, data })))),
    async process(concurrency, count, ran) {
      const done = tally(count);
      const worker = new Worker(queue, async (job) => void (job.data !== undefined && ran()), {
        connection,
        concurrency,
      });
      worker.on("completed", done.one).on("failed", (_job, error) => complain(error));
      await done.all;
      await worker.close();
    },
    async storedJobs() {
      const counts = await jobs.getJobCounts("wait", "prioritized", "delayed", "active", "failed");
      return Object.values(counts).reduce((sum, some) => sum + some, 0);
    },
    async close() {
      await jobs.close();
      await dropSchema(url, `bullmq_${queue}`);
    },
  };
}

function tally(count: number): { readonly all: Promise<void>; readonly one: () => void } {
  let ended = 0;
  let finish = (): void => undefined;
  const all = new Promise<void>((resolve) => (finish = resolve));
  return { all, one: () => void (++ended === count && finish()) };
}

const complain = (error: unknown): void => process.emitWarning(describeError(error));

async function countIn(url: string, rows: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const found = await client.query<{ stored: number }>(`SELECT count(*)::integer AS stored FROM ${rows}`);
  await client.end();
  return found.rows[0]?.stored ?? 0;
}

async function dropSchema(url: string, schema: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await client.end();
}
