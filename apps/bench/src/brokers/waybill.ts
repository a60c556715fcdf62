import { connect, type ConnectOptions, defineJob, handlerFor, type JobDefinition } from "@waybill/core";
import { createTally } from "../tally.ts";
import { verify } from "../verify.ts";
import { type Broker, KEYS, type Side } from "./broker.ts";

const SLICE = 1_000;
const queueOf = (queue: string) => ({ type: "bench.noop", queue }) as const;

/** The definitions that are compared: without a key, with a unique key of each job's own, and with a concurrency of 1 by key. */
export const definitions: Readonly<Record<string, (queue: string) => JobDefinition>> = {
  waybill: (queue) => defineJob(queueOf(queue)),
  "waybill, records": (queue) => defineJob(queueOf(queue)),
  "waybill, unique": (queue) => {
    let made = 0;
    return defineJob({ ...queueOf(queue), unique: { by: () => [queue, made++] } });
  },
  "waybill, key limit": (queue) => {
    let made = 0;
    return defineJob({ ...queueOf(queue), limits: [{ key: () => `k${made++ % KEYS}`, concurrency: 1 }] });
  },
};

/** What a side gives to `connect`. */
const connections: Readonly<Record<string, ConnectOptions>> = { "waybill, records": { records: "7d" } };

/** Our own side, the same on every broker: what a program writes, with the defaults it would have. */
export async function openWaybill(
  storedJobs: Broker["storedJobs"],
  url: string,
  queue: string,
  side = "waybill",
): Promise<Side> {
  const definition = definitions[side];
  if (definition === undefined) throw new Error(`waybill has no side "${side}"`);
  const jobs = await connect(url, { log: "off", ...connections[side] });
  const noop = definition(queue);
  return {
    enqueue: (payload) => jobs.enqueue(noop, payload),
    async fill(payloads) {
      for (let from = 0; from < payloads.length; from += SLICE) {
        const results = await jobs.enqueueMany(
          payloads.slice(from, from + SLICE).map((payload) => ({ job: noop, payload })),
        );
        const failed = results.find((result) => !result.ok);
        if (failed && !failed.ok) throw failed.error;
      }
    },
    async written() {
      if (connections[side]?.records !== undefined) await jobs.records.find({ limit: 1 });
    },
    async process(concurrency, count, ran) {
      const tally = createTally();
      const handler = handlerFor(noop, async () => {
        ran();
        tally.count();
      });
      const worker = jobs.worker({ jobs: [handler], concurrency });
      await worker.start();
      await tally.reaches(count);
      const report = await worker.stop();
      if (report.completed < count) verify("jobs completed by the worker's report", report.completed, count);
    },
    async storedJobs() {
      if (jobs.inspector === null) return (await storedJobs?.(url, queue)) ?? Number.NaN;
      const counts = (await jobs.inspector.counts()).find((one) => one.queue === queue);
      return counts ? counts.ready + counts.delayed + counts.leased + counts.dead : 0;
    },
    close: () => jobs.close(),
  };
}
