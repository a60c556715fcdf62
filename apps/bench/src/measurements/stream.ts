import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { watchLoop } from "@waybill/test-servers";
import { noop, payload } from "../job.ts";
import { storedJobs, open } from "../open.ts";
import { rate, verify } from "../verify.ts";

export interface StreamInput {
  readonly directory: string;
  /** "": a SQLite file in the directory. */
  readonly url: string;
  readonly jobs: number;
}

export interface StreamResult {
  /** Jobs per second. */
  readonly speed: number;
  /** Resident MiB before the first job, and the most while jobs were sent. */
  readonly rssStart: number;
  readonly rssPeak: number;
  /** Longest block of the event loop, in ms of the clock: on a busy machine the wait for a core is in it. */
  readonly longestBlock: number;
  /** The same in ms of CPU time. */
  readonly longestWork: number;
}

const SAMPLE_MS = 50;
const WARM_UP = 2_000;

/** One `enqueueMany` from a generator, each result counted as it is reported. */
export async function stream({ directory, url, jobs: count }: StreamInput): Promise<StreamResult> {
  const jobs = await open(url || `sqlite:${join(directory, "waybill.db")}`, "off");
  await jobs.enqueueMany(items(WARM_UP), () => undefined);
  globalThis.gc?.();
  const rssStart = process.memoryUsage.rss();
  let rssPeak = rssStart;
  const sample = setInterval(() => (rssPeak = Math.max(rssPeak, process.memoryUsage.rss())), SAMPLE_MS);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const loop = watchLoop();
  let reported = 0;
  const startedAt = performance.now();
  const totals = await jobs.enqueueMany(items(count), () => void (reported += 1));
  const speed = rate(count, startedAt);
  delay.disable();
  const longestWork = loop.end();
  clearInterval(sample);
  verify("results reported", reported, count);
  verify("jobs reported as stored", totals.stored, count);
  if (jobs.inspector !== null) verify("jobs on the server", (await storedJobs(jobs)).ready, count + WARM_UP);
  await jobs.close();
  return { speed, rssStart: mib(rssStart), rssPeak: mib(rssPeak), longestBlock: delay.max / 1e6, longestWork };
}

function* items(count: number) {
  for (let n = 0; n < count; n++) yield { job: noop, payload };
}

const mib = (bytes: number): number => bytes / 1_048_576;
