import { join } from "node:path";
import { storedJobs, type Logs, open } from "../open.ts";
import { noop, payload } from "../job.ts";
import { inFlight, rate, verify } from "../verify.ts";

export interface EnqueueInput {
  readonly directory: string;
  readonly jobs: number;
  /** Calls of `enqueue` awaited at once. */
  readonly width: number;
  readonly logs: Logs;
}

/** Jobs per second through `enqueue`, each awaited until it is durable. A first tenth warms up and is not timed. */
export async function enqueue(input: EnqueueInput): Promise<number> {
  const jobs = await open(`sqlite:${join(input.directory, "waybill.db")}`, input.logs);
  const ids = new Set<string>();
  const one = async (): Promise<void> => {
    const receipt = await jobs.enqueue(noop, payload);
    if (receipt.stored) ids.add(receipt.id);
  };
  const warmUp = Math.ceil(input.jobs / 10);
  await inFlight(warmUp, input.width, one);
  const startedAt = performance.now();
  await inFlight(input.jobs, input.width, one);
  const speed = rate(input.jobs, startedAt);
  verify("distinct ids reported as stored", ids.size, warmUp + input.jobs);
  verify("jobs in the file", (await storedJobs(jobs)).ready, warmUp + input.jobs);
  await jobs.close();
  return speed;
}

export interface BulkInput {
  readonly directory: string;
  readonly jobs: number;
  /** Jobs per call of `enqueueMany`. */
  readonly size: number;
  readonly logs: Logs;
}

/** Jobs per second through `enqueueMany`, one call after the other. */
export async function bulk(input: BulkInput): Promise<number> {
  const jobs = await open(`sqlite:${join(input.directory, "waybill.db")}`, input.logs);
  const batch = Array.from({ length: input.size }, () => ({ job: noop, payload }));
  const put = async (): Promise<number> => {
    const results = await jobs.enqueueMany(batch);
    return results.filter((result) => result.ok && result.value.stored).length;
  };
  let stored = await put();
  const startedAt = performance.now();
  for (let done = 0; done < input.jobs; done += input.size) stored += await put();
  const speed = rate(stored - input.size, startedAt);
  verify("jobs in the file", (await storedJobs(jobs)).ready, stored);
  await jobs.close();
  return speed;
}
