import { connect, defineJob, handlerFor } from "@waybill/core";
import { createTally } from "../tally.ts";
import { verify } from "../verify.ts";
import type { Broker, Side } from "./broker.ts";

const SLICE = 1_000;

/** Our own side, the same on every broker: what a program writes, with the defaults it would have. */
export async function openWaybill(broker: Broker, url: string, queue: string): Promise<Side> {
  const jobs = await connect(url, { log: "off" });
  const noop = defineJob({ type: "bench.noop", queue });
  return {
    enqueue: (payload) => jobs.enqueue(noop, payload),
    async fill(payloads) {
      for (let from = 0; from < payloads.length; from += SLICE) {
        const answers = await jobs.enqueueMany(
          payloads.slice(from, from + SLICE).map((payload) => ({ job: noop, payload })),
        );
        const failed = answers.find((answer) => !answer.ok);
        if (failed && !failed.ok) throw failed.error;
      }
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
    async held() {
      if (jobs.inspector === null) return (await broker.held?.(url, queue)) ?? Number.NaN;
      const counts = (await jobs.inspector.counts()).find((one) => one.queue === queue);
      return counts ? counts.ready + counts.delayed + counts.leased + counts.dead : 0;
    },
    close: () => jobs.close(),
  };
}
