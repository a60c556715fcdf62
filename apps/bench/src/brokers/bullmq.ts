import { startRedis } from "@waybill/test-servers";
import { type JobsOptions, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { Broker, Side } from "./broker.ts";

export const bullmq: Broker = {
  name: "bullmq",
  startServer: () => startRedis({ appendfsync: "everysec" }),
  facts: [
    "Redis with appendonly yes, appendfsync everysec, no snapshots; the same for both sides",
    "raw BullMQ 6: one Queue, one Worker with the concurrency, ioredis, removeOnComplete on both sides",
  ],
  rivals: {
    "raw bullmq": (url, queue) => openRaw(url, queue),
    "raw bullmq, deduplication": (url, queue) => openRaw(url, queue, true),
  },
  targets: {
    enqueue: [{ peer: "raw bullmq", factor: 0.9 }],
    process: [{ peer: "raw bullmq", factor: 0.9 }],
  },
  jobs: { enqueue: 60_000, process: 40_000 },
};

const options = { removeOnComplete: true } as const;

/**
 * BullMQ as its own documentation uses it: `add` for each job, a `Worker` with a processor. `deduplicated`: each job has a key
 * of its own.
 */
async function openRaw(url: string, queue: string, deduplicated = false): Promise<Side> {
  const name = `raw${queue}`;
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const jobs = new Queue(name, { connection, defaultJobOptions: options });
  await jobs.waitUntilReady();
  let added = 0;
  const more = (): JobsOptions => (deduplicated ? { deduplication: { id: String(added++) } } : {});
  return {
    enqueue: (payload) => jobs.add("bench.noop", payload, more()),
    async fill(payloads) {
      for (let from = 0; from < payloads.length; from += 1_000) {
        const slice = payloads.slice(from, from + 1_000);
        await jobs.addBulk(slice.map((data) => ({ name: "bench.noop", data })));
      }
    },
    process: (concurrency, count, ran) => processRaw(connection, name, { concurrency, count, ran }),
    async storedJobs() {
      const counts = await jobs.getJobCounts("wait", "prioritized", "delayed", "active", "failed");
      return Object.values(counts).reduce((sum, some) => sum + some, 0);
    },
    async close() {
      await jobs.obliterate({ force: true });
      await jobs.close();
      connection.disconnect();
    },
  };
}

interface Run {
  readonly concurrency: number;
  readonly count: number;
  readonly ran: () => void;
}

/** "completed" is said after Redis has stored the end of the job. */
async function processRaw(connection: Redis, queue: string, { concurrency, count, ran }: Run): Promise<void> {
  const handler = async (given: unknown): Promise<void> => {
    if (given !== undefined) ran();
  };
  const worker = new Worker(queue, async (job) => handler(job.data), { connection, concurrency });
  let ended = 0;
  await new Promise<void>((resolve, reject) => {
    worker.on("completed", () => ++ended === count && resolve());
    worker.on("failed", (_job, error) => reject(error));
  });
  await worker.close();
}
