import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Jobs } from "@waybill/core";
import { noop, noopWith } from "../job.ts";
import { open } from "../open.ts";
import { verify } from "../verify.ts";

export interface LatencyInput {
  readonly directory: string;
  readonly jobs: number;
  /** True: another process enqueues; false: this one does, by the connection its worker uses. */
  readonly across: boolean;
}

/** Milliseconds from the call of `enqueue` to the handler's first line, for each of a series of lonely jobs. */
export async function latency(input: LatencyInput): Promise<number[]> {
  const url = `sqlite:${join(input.directory, "waybill.db")}`;
  const jobs = await open(url, "off");
  const waits: number[] = [];
  const worker = jobs.worker({
    jobs: [noopWith((sent) => void waits.push(now() - (sent as { at: number }).at))],
    concurrency: 10,
  });
  await worker.start();
  if (input.across) await produceElsewhere(url, input.jobs);
  else await sendApart(jobs, input.jobs);
  await sleep(500);
  await worker.stop();
  await jobs.close();
  verify("jobs that arrived", waits.length, input.jobs);
  return waits;
}

/** The other process's part. */
export async function produce(url: string, count: number): Promise<void> {
  const jobs = await open(url, "off");
  await sendApart(jobs, count);
  await jobs.close();
}

/** Enqueues jobs one at a time, far enough apart that the worker is idle again, at no fixed beat. */
async function sendApart(jobs: Jobs, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    await sleep(200 + Math.random() * 150);
    await jobs.enqueue(noop, { at: now() });
  }
}

async function produceElsewhere(url: string, count: number): Promise<void> {
  const producer = fork(process.argv[1] ?? "", ["produce", JSON.stringify({ url, jobs: count })], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [code] = (await once(producer, "exit")) as [number | null];
  verify("exit code of the producing process", code ?? -1, 0);
}

/** Comparable between processes of one machine, finer than a millisecond. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
