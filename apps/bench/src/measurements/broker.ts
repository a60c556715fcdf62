import { join } from "node:path";
import { type BrokerName, brokers } from "../brokers/index.ts";
import type { Side } from "../brokers/broker.ts";
import { definitions, openWaybill } from "../brokers/waybill.ts";
import { payload } from "../job.ts";
import { serverCpu } from "../server-cpu.ts";
import { percentile } from "../rounds.ts";
import { inFlight, rate, verify } from "../verify.ts";
import { lonelyJobs } from "./lonely-jobs.ts";

export interface BrokerInput {
  readonly directory: string;
  /** "sqlite": a file in the directory, whatever the URL is. */
  readonly broker: BrokerName | "sqlite";
  /** One of waybill's `definitions`, or the name of a peer. */
  readonly side: string;
  readonly url: string;
  readonly verb: "enqueue" | "process" | "latency";
  readonly jobs: number;
  /** In flight for enqueue, at once for process. */
  readonly width: number;
  /** For process: jobs that wait when the clock starts, `jobs` of which are measured. Absent: as many as `jobs`. */
  readonly backlog?: number;
  /** The process of the server, whose CPU is measured as well. */
  readonly serverPid?: number;
}

export interface BrokerResult {
  /** Jobs per second; for latency: the median in ms. */
  readonly value: number;
  /** Of 100 jobs the slowest but one; only for latency. */
  readonly p99: number;
  /** CPU seconds of this process, all threads, for 10,000 jobs, while the clock ran. */
  readonly cpu: number;
  /** The same of the server; null where it is not known. */
  readonly serverCpu: number | null;
  /** The most this process had resident, in MiB. */
  readonly peak: number;
}

export async function broker(input: BrokerInput): Promise<BrokerResult> {
  const queue = `b${Math.random().toString(36).slice(2, 10)}`;
  const side = await openSide(input, queue);
  const measured = await measurements[input.verb](side, input);
  await side.close();
  return { p99: 0, ...measured, peak: process.resourceUsage().maxRSS / 1_024 };
}

async function openSide({ broker: name, side, url, directory }: BrokerInput, queue: string): Promise<Side> {
  if (name === "sqlite") return openWaybill(undefined, `sqlite:${join(directory, "waybill.db")}`, queue, side);
  const chosen = await brokers[name]();
  if (side in definitions) return openWaybill(chosen.storedJobs, url, queue, side);
  const open = chosen.rivals[side];
  if (open === undefined) throw new Error(`${chosen.name} has no peer "${side}"`);
  return open(url, queue);
}

type Measured = Pick<BrokerResult, "value" | "cpu" | "serverCpu"> & { readonly p99?: number };

const measurements: Readonly<Record<BrokerInput["verb"], (side: Side, input: BrokerInput) => Promise<Measured>>> = {
  /** Each call awaited until the server has answered. A first tenth warms up and is not timed. */
  async enqueue(side, { jobs, width, serverPid }) {
    const warmUp = Math.ceil(jobs / 10);
    await inFlight(warmUp, width, () => side.enqueue(payload));
    await side.written?.();
    const measured = await timed(jobs, serverPid, async () => {
      await inFlight(jobs, width, () => side.enqueue(payload));
      await side.written?.();
    });
    // Where a count is an estimate or a look, it must at least not be empty.
    if ((await side.storedJobs()) === 0) verify("jobs on the server", 0, warmUp + jobs);
    return measured;
  },
  /** From a full queue to all settled on the server: the worker's start and stop are on the clock. */
  async process(side, { jobs, width, backlog = jobs, serverPid }) {
    await side.fill(Array.from({ length: backlog }, () => payload));
    await side.written?.();
    let ran = 0;
    const measured = await timed(jobs, serverPid, () => side.process(width, jobs, () => (ran += 1)));
    if (backlog > jobs) return measured;
    verify("handlers run", ran, jobs);
    verify("jobs left on the server", await side.storedJobs(), 0);
    return measured;
  },
  async latency(side, { jobs }) {
    const waits = await lonelyJobs(side, jobs);
    return { value: percentile(waits, 0.5), p99: percentile(waits, 0.99), cpu: 0, serverCpu: null };
  },
};

async function timed(jobs: number, serverPid: number | undefined, work: () => Promise<void>): Promise<Measured> {
  const cpuOfServer = (): number | null => (serverPid === undefined ? null : serverCpu(serverPid));
  const serverBefore = cpuOfServer();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const value = rate(jobs, startedAt);
  const used = process.cpuUsage(cpuBefore);
  const serverAfter = cpuOfServer();
  const ofTenThousand = (seconds: number): number => (seconds / jobs) * 10_000;
  return {
    value,
    cpu: ofTenThousand((used.user + used.system) / 1e6),
    serverCpu: serverBefore === null || serverAfter === null ? null : ofTenThousand(serverAfter - serverBefore),
  };
}
