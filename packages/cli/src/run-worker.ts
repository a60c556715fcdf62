import { Console } from "node:console";
import {
  connect,
  type Duration,
  type JobDefinition,
  type Jobs,
  type Schedule,
  type ShutdownReport,
} from "@waybill/core";
import type { SharedOptions } from "./connection.ts";
import { CommandError } from "./exit.ts";
import { readProjectFile } from "./options/project-file.ts";
import { type KeyFlags, readKeys } from "./options/keys.ts";
import type { QueueWeights } from "./options/values.ts";
import type { WorkerFlags } from "./options/worker.ts";
import type { HealthServer } from "./health-server.ts";

export interface WorkerProcess {
  readonly options: SharedOptions & WorkerFlags & KeyFlags;
  /** For the boot line. */
  readonly role: string;
  /** Loads what the command needs before the backend is opened. */
  readonly load: () => Promise<{
    /** Checked against the backend's capabilities at connect. Omitted: any type is accepted. */
    readonly known?: readonly JobDefinition[];
    readonly jobs: (connection: Jobs) => readonly JobDefinition[];
    readonly queues?: QueueWeights;
    readonly schedules?: readonly Schedule[];
  }>;
}

/**
 * Runs a worker until a signal. Only log lines are written to stdout. Rejects `UNFINISHED` if jobs were neither finished
 * nor released.
 */
export async function runWorker({ options, role, load }: WorkerProcess): Promise<void> {
  const cancelBootGuard = exitOnEarlySignal();
  globalThis.console = new Console(process.stderr, process.stderr);
  const health = await startHealthServer(options);
  const { known, jobs, queues = options.queues, schedules } = await load();
  const keys = options.signatures === undefined ? null : readKeys(options);
  const version = options.programVersion ?? readProjectFile().version;
  const connection = await connect(options.url, {
    role,
    ledger: options.ledger,
    log: options.json ? "json" : "stdout",
    ...(known && { jobs: known }),
    ...(version === null ? {} : { version }),
  });
  health?.measure(connection);
  const worker = connection.worker({
    jobs: jobs(connection),
    ...(queues && { queues }),
    ...(schedules && { schedules }),
    concurrency: options.concurrency,
    prefetch: options.prefetch,
    lease: options.lease,
    heartbeat: options.heartbeat,
    shutdown: { drain: options.drain, abort: options.abort, close: options.close },
    maxLost: options.maxLost,
    ...(options.signatures && { signatures: options.signatures }),
    ...(keys && { keys }),
    ...(options.maxMemory === undefined ? {} : { maxMemoryBytes: options.maxMemory }),
  });
  health?.watch(worker);
  const running = worker.run();
  cancelBootGuard();
  const report = await running;
  health?.close();
  assertSettled(report, options.lease);
}

/** Loaded only where a port is given. */
async function startHealthServer({ metricsPort, metricsHost }: WorkerFlags): Promise<HealthServer | null> {
  if (metricsPort === undefined) return null;
  const { serveHealth } = await import("./health-server.ts");
  return serveHealth({ host: metricsHost, port: metricsPort });
}

/** Jobs that could not be released run again once their leases end; the exit code lets a supervisor notice. */
function assertSettled(report: ShutdownReport, lease: Duration): void {
  if (report.unfinished === 0) return;
  throw new CommandError(
    "UNFINISHED",
    `${report.unfinished} jobs were neither finished nor released; they run elsewhere when their leases (${lease}) end`,
  );
}

/**
 * Exits on a signal that comes before the worker listens for it: nothing is leased yet. As PID 1 the process would ignore
 * an unhandled SIGTERM. Returns a function that stops listening.
 */
function exitOnEarlySignal(): () => void {
  const exit = (): void => process.exit(0);
  process.once("SIGTERM", exit).once("SIGINT", exit);
  return () => process.off("SIGTERM", exit).off("SIGINT", exit);
}
