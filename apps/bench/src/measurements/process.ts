import { join } from "node:path";
import { noop, noopWith, payload } from "../job.ts";
import { storedJobs, type Logs, open } from "../open.ts";
import { createTally } from "../tally.ts";
import { rate, verify } from "../verify.ts";

export interface ProcessInput {
  readonly directory: string;
  readonly jobs: number;
  readonly concurrency: number;
  readonly logs: Logs;
}

/** Jobs per second from a full queue to all settled in the file: the worker's start and stop are on the clock. */
export async function process(input: ProcessInput): Promise<number> {
  const jobs = await open(`sqlite:${join(input.directory, "waybill.db")}`, input.logs);
  for (let done = 0; done < input.jobs; done += 1_000) {
    const size = Math.min(1_000, input.jobs - done);
    await jobs.enqueueMany(Array.from({ length: size }, () => ({ job: noop, payload })));
  }
  verify("jobs before the start", (await storedJobs(jobs)).ready, input.jobs);

  const tally = createTally();
  const worker = jobs.worker({ jobs: [noopWith(async () => tally.count())], concurrency: input.concurrency });
  const startedAt = performance.now();
  await worker.start();
  await tally.reaches(input.jobs);
  const report = await worker.stop();
  const speed = rate(input.jobs, startedAt);

  const after = await storedJobs(jobs);
  verify("handlers run", tally.ran(), input.jobs);
  verify("jobs completed by the worker's report", report.completed, input.jobs);
  verify("jobs left in the file", after.ready + after.leased + after.dead, 0);
  await jobs.close();
  return speed;
}
