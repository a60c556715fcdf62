import { join } from "node:path";
import { noop, noopWith, payload } from "../job.ts";
import { storedJobs, open } from "../open.ts";
import { createTally } from "../tally.ts";
import { verify } from "../verify.ts";

export interface MemoryInput {
  readonly directory: string;
  /** The jobs after which resident memory is read, rising. */
  readonly after: readonly number[];
}

const BATCH = 1_000;

/** Resident MiB of a process that is producer and worker at once, after each of the given numbers of jobs. */
export async function memory(input: MemoryInput): Promise<number[]> {
  const jobs = await open(`sqlite:${join(input.directory, "waybill.db")}`, "off");
  const tally = createTally();
  const worker = jobs.worker({ jobs: [noopWith(async () => tally.count())], concurrency: 50 });
  await worker.start();
  const readings: number[] = [];
  for (const target of input.after) {
    while (tally.ran() < target) {
      const size = Math.min(BATCH, target - tally.ran());
      const goal = tally.ran() + size;
      await jobs.enqueueMany(Array.from({ length: size }, () => ({ job: noop, payload })));
      await tally.reaches(goal);
    }
    readings.push(residentMiB());
  }
  const report = await worker.stop();
  verify("jobs completed by the worker's report", report.completed, tally.ran());
  verify("jobs left in the file", (await storedJobs(jobs)).ready, 0);
  await jobs.close();
  return readings;
}

/** After a collection, so that garbage not yet swept is not mistaken for a leak. */
function residentMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1_048_576;
}
