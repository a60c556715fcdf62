import { join } from "node:path";
import { noop, payload } from "../job.ts";
import { open } from "../open.ts";
import { openRawQueue, type RawQueue } from "../raw-queue.ts";
import { inFlight, rate, verify } from "../verify.ts";

export interface RawInput {
  readonly directory: string;
  readonly jobs: number;
  /** Calls in flight, jobs per transaction, or jobs per lease. */
  readonly width: number;
}

/** Jobs per second, one transaction a job; fifty callers wait for a synchronous call in turn, so width changes nothing. */
export async function rawEnqueue(input: RawInput): Promise<number> {
  const queue = await prepare(input);
  const nextId = counter();
  const one = async (): Promise<void> => queue.put(nextId(), bodyOf());
  const warmUp = Math.ceil(input.jobs / 10);
  await inFlight(warmUp, input.width, one);
  const startedAt = performance.now();
  await inFlight(input.jobs, input.width, one);
  const speed = rate(input.jobs, startedAt);
  verify("raw jobs in the file", queue.waiting(), warmUp + input.jobs);
  queue.close();
  return speed;
}

/** Jobs per second, `width` jobs a transaction. */
export async function rawBulk(input: RawInput): Promise<number> {
  const queue = await prepare(input);
  const nextId = counter();
  fill(queue, input.width, input.width, nextId);
  const startedAt = performance.now();
  fill(queue, input.jobs, input.width, nextId);
  const speed = rate(input.jobs, startedAt);
  verify("raw jobs in the file", queue.waiting(), input.jobs + input.width);
  queue.close();
  return speed;
}

/** Jobs per second: lease `width`, parse and run each, finish all of them in one transaction. */
export async function rawProcess(input: RawInput): Promise<number> {
  const queue = await prepare(input);
  fill(queue, input.jobs, 1_000, counter());
  let ran = 0;
  const handler = async (given: unknown): Promise<void> => {
    if (given !== undefined) ran++;
  };
  const startedAt = performance.now();
  for (let lease = 1, left = input.jobs; left > 0; lease++) {
    const leased = queue.lease(input.width, lease);
    await Promise.all(leased.map((job) => handler(argumentOf(job.body))));
    queue.finish(leased, lease);
    left -= leased.length;
  }
  const speed = rate(input.jobs, startedAt);
  verify("raw handlers run", ran, input.jobs);
  verify("raw jobs left in the file", queue.waiting(), 0);
  queue.close();
  return speed;
}

/** The file is laid out by @waybill/sqlite itself: the same tables, indexes and page size by construction. */
async function prepare(input: RawInput): Promise<RawQueue> {
  const path = join(input.directory, "raw.db");
  await (await open(`sqlite:${path}`, "off")).close();
  return openRawQueue(path);
}

function counter(): () => string {
  let next = 0;
  return () => `01990000-0000-7000-8000-${String(next++).padStart(12, "0")}`;
}

function fill(queue: RawQueue, jobs: number, size: number, nextId: () => string): void {
  for (let done = 0; done < jobs; done += size) {
    const length = Math.min(size, jobs - done);
    queue.putAll(Array.from({ length }, () => ({ id: nextId(), body: bodyOf() })));
  }
}

/** Serialised for every job, as any queue must. */
function bodyOf(): string {
  return JSON.stringify({ type: noop.type, args: [payload] });
}

function argumentOf(body: string): unknown {
  return (JSON.parse(body) as { args: unknown[] }).args[0];
}
