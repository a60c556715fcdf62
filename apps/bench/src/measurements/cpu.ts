import { noop, noopWith, payload } from "../job.ts";
import { storedJobs, type Logs, open } from "../open.ts";
import { createTally } from "../tally.ts";
import { inFlight, verify } from "../verify.ts";

export interface CpuInput {
  readonly directory: string;
  readonly jobs: number;
  readonly concurrency: number;
  readonly logs: Logs;
}

/**
 * Microseconds of CPU (user and system, every thread) a job from `enqueue` to settled on the memory backend:
 * core's own cost. A first quarter warms up and is not counted.
 */
export async function cpu(input: CpuInput): Promise<number> {
  const jobs = await open("memory:", input.logs);
  const warmUp = Math.ceil(input.jobs / 4);
  const tally = createTally();
  const worker = jobs.worker({ jobs: [noopWith(async () => tally.count())], concurrency: input.concurrency });
  await worker.start();
  await inFlight(warmUp, input.concurrency, () => jobs.enqueue(noop, payload));
  await tally.reaches(warmUp);

  const before = process.cpuUsage();
  await inFlight(input.jobs, input.concurrency, () => jobs.enqueue(noop, payload));
  await tally.reaches(warmUp + input.jobs);
  const report = await worker.stop();
  const used = process.cpuUsage(before);

  const after = await storedJobs(jobs);
  verify("handlers run", tally.ran(), warmUp + input.jobs);
  verify("jobs completed by the worker's report", report.completed, warmUp + input.jobs);
  verify("jobs left in memory", after.ready + after.leased + after.dead, 0);
  await jobs.close();
  return (used.user + used.system) / input.jobs;
}
