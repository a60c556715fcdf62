import { Console } from "node:console";
import { hostname } from "node:os";
import {
  connect,
  type Duration,
  type JobDefinition,
  type Jobs,
  type Schedule,
  type ShutdownReport,
  toError,
} from "@waybill/core";
import { openShutdownFile } from "@waybill/core/endpoint";
import type { SharedOptions } from "./connection.ts";
import { CommandError } from "./exit.ts";
import { launchFault } from "./launch-form.ts";
import { printNote } from "./output/print.ts";
import { readProjectFile } from "./options/project-file.ts";
import { type KeyFlags, readKeys } from "./options/keys.ts";
import { type RecordFlags, recordsOf } from "./options/records.ts";
import type { QueueWeights } from "./options/values.ts";
import type { WorkerFlags } from "./options/worker.ts";
import type { HealthServer } from "./health-server.ts";
import { assertPlatform, watchPlatform } from "./platform.ts";
import { exportingOf } from "./telemetry/asked.ts";

export interface WorkerProcess {
  readonly options: SharedOptions & WorkerFlags & KeyFlags & RecordFlags;
  /** For the boot line. */
  readonly role: string;
  /** Loads what the command needs before the backend is opened. */
  readonly load: () => Promise<{
    /** Checked against the backend's capabilities at connect. Omitted: any type is accepted. */
    readonly known?: readonly JobDefinition[];
    readonly jobs: (connection: Jobs) => readonly JobDefinition[];
    readonly queues?: QueueWeights;
    readonly schedules?: readonly Schedule[];
    readonly canary?: Duration | undefined;
  }>;
}

/**
 * Runs a worker until a signal. Only log lines are written to stdout. Rejects `UNFINISHED` if jobs were neither finished
 * nor released.
 */
export async function runWorker(asked: WorkerProcess): Promise<void> {
  const { shutdownFile, lease } = asked.options;
  const file = shutdownFile === undefined ? null : openShutdownFile(shutdownFile);
  const report = await reportOf(asked).catch((thrown: unknown) => {
    const { message } = toError(thrown);
    file?.write({ at: new Date().toISOString(), level: "error", event: "fatal", host: hostname(), message });
    throw thrown;
  });
  assertSettled(report, lease);
}

async function reportOf({ options, role, load }: WorkerProcess): Promise<ShutdownReport> {
  const records = recordsOf(options);
  assertPlatform(options);
  const cancelBootGuard = exitOnEarlySignal();
  globalThis.console = new Console(process.stderr, process.stderr);
  const fault = launchFault();
  if (fault !== null) printNote(`${fault.message}; ${fault.remedy}`);
  const health = await startHealthServer(options);
  const exporting = exportingOf(process.env);
  // Before the jobs are loaded: their modules may ask for a tracer.
  const otel = exporting === null ? null : await (await import("./telemetry/telemetry.ts")).startTelemetry(exporting);
  const { known, jobs, queues = options.queues, schedules, canary } = await load();
  const keys = options.signatures === undefined ? null : readKeys(options);
  const version = options.programVersion ?? readProjectFile().version;
  const connection = await connect(options.url, {
    role,
    ledger: options.ledger,
    ...records,
    log: options.json ? "json" : "stdout",
    ...(known && { jobs: known }),
    ...(otel && { telemetry: otel.telemetry }),
    ...(version === null ? {} : { version }),
  });
  health?.measure(connection);
  const worker = connection.worker({
    jobs: jobs(connection),
    ...(queues && { queues }),
    ...(schedules && { schedules }),
    ...(canary !== undefined && { canary }),
    concurrency: options.concurrency,
    prefetch: options.prefetch,
    lease: options.lease,
    heartbeat: options.heartbeat,
    shutdown: { drain: options.drain, abort: options.abort, close: options.close },
    maxLost: options.maxLost,
    ...(options.signatures && { signatures: options.signatures }),
    ...(keys && { keys }),
    ...(options.maxMemory === undefined ? {} : { maxMemoryBytes: options.maxMemory }),
    shutdownFile: options.shutdownFile,
  });
  health?.watch(worker);
  otel?.measure(connection, worker);
  const watch = await watchPlatform(options, worker);
  // On a machine that is about to end the worker has been stopped before it leased a job.
  const running =
    watch === null || watch.notice() === null ? worker.run() : worker.stop().finally(() => connection.close());
  cancelBootGuard();
  const report = await running.finally(() => Promise.all([otel?.end(), watch?.close()]));
  await health?.close();
  return report;
}

/** Loaded only where a port is given. */
async function startHealthServer({ metricsPort, metricsHost, platform }: WorkerFlags): Promise<HealthServer | null> {
  if (metricsPort === undefined) return null;
  const { serveHealth } = await import("./health-server.ts");
  return serveHealth({ host: metricsHost, port: metricsPort, drains: platform === "kubernetes" });
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
