import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import type { FaultTarget, Store } from "../backends.ts";
import { type Running, start, startWith } from "../process.ts";
import { readLines } from "../record.ts";
import type { TraceLine } from "./trace.ts";

export interface ChaosSettings {
  readonly target: FaultTarget;
  readonly store: Store;
  readonly seed: number;
  readonly seconds: number;
  readonly jobsPerSecond: number;
  readonly leaseMs: number;
}

export interface ChaosRun {
  readonly promised: readonly string[];
  /** Of all workers, oldest first. */
  readonly lines: readonly TraceLine[];
  /** The latest timer of this idle process, in ms: how busy the machine was. */
  readonly controlMs: number;
}

const WORKERS = 3;
const HEAP_MB = 64;

/** Runs two producers and three workers until every promised job has ended. A worker that ends is started again. */
export async function runChaos({ target, store, ...settings }: ChaosSettings): Promise<ChaosRun> {
  const { seed, seconds, jobsPerSecond, leaseMs } = settings;
  const { url, folder } = store;
  const running = new Map<number, Running>();
  const deaths = join(folder, "trace-deaths");
  const control = monitorEventLoopDelay({ resolution: 20 });
  control.enable();
  let ending = false;

  function startWorker(slot: number): void {
    const flags = [`--max-old-space-size=${HEAP_MB}`];
    const worker = startWith({ flags }, "chaos/worker", target.name, url, folder, String(leaseMs));
    running.set(slot, worker);
    void replace(worker, slot);
  }

  async function replace({ pid, ended }: Running, slot: number): Promise<void> {
    await ended;
    const line: TraceLine = { what: "died", at: Date.now(), pid };
    appendFileSync(deaths, `${JSON.stringify(line)}\n`);
    if (!ending) startWorker(slot);
  }

  for (let slot = 0; slot < WORKERS; slot++) startWorker(slot);
  const each = (seconds * jobsPerSecond) / 2;
  const files = [1, 2].map((n) => join(folder, `promised-${n}`));
  const producers = files.map((file, n) =>
    start(
      "chaos/producer",
      url,
      file,
      String(2 * seed + n),
      String(each),
      String(leaseMs),
      String(2_000 / jobsPerSecond),
    ),
  );
  try {
    for (const producer of producers) if ((await producer.ended) !== 0) throw new Error("a producer has failed");
    const promised = files.flatMap(readLines);
    await whenEmpty(url);
    return { promised, lines: linesIn(folder), controlMs: Math.round(control.max / 1e6) };
  } finally {
    ending = true;
    for (const worker of [...running.values(), ...producers]) worker.kill("SIGKILL");
    await Promise.all([...running.values(), ...producers].map(({ ended }) => ended));
  }
}

/** Resolves when the store is empty, or after 90 s: a job that is left then was lost or is a dead letter. */
async function whenEmpty(url: string): Promise<void> {
  const jobs = await connect(url, { log: "off" });
  for (const until = performance.now() + 90_000; performance.now() < until; await sleep(500)) {
    const counts = (await jobs.inspector?.counts(["default"])) ?? [];
    if (counts.every(({ ready, delayed, leased }) => ready + delayed + leased === 0)) break;
  }
  await jobs.close();
}

function linesIn(folder: string): TraceLine[] {
  const files = readdirSync(folder).filter((name) => name.startsWith("trace-"));
  const lines = files.flatMap((name) => readLines(join(folder, name)).map((line) => JSON.parse(line) as TraceLine));
  return lines.sort((a, b) => a.at - b.at);
}
