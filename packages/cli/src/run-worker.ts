import { Console } from "node:console";
import { connect, type Duration, type JobDefinition, type Jobs, type ShutdownReport } from "@waybill/core";
import type { SharedOptions } from "./connection.ts";
import { CommandError } from "./exit.ts";
import { readProjectFile } from "./project-file.ts";
import { type KeyFlags, readKeys } from "./keys.ts";
import type { QueueWeights } from "./option-values.ts";
import type { WorkerFlags } from "./worker-options.ts";

export interface WorkerProcess {
  readonly options: SharedOptions & WorkerFlags & KeyFlags;
  /** For the boot line. */
  readonly role: string;
  /** Reads what the command needs before anything is opened. */
  readonly load: () => Promise<{
    /** Judged against the backend before the worker is made; absent: any type. */
    readonly known?: readonly JobDefinition[];
    readonly jobs: (connection: Jobs) => readonly JobDefinition[];
    readonly queues?: QueueWeights;
  }>;
}

/** A worker as a process: until a signal, with JSON lines alone on stdout, and an exit code that tells what was left. */
export async function runWorker({ options, role, load }: WorkerProcess): Promise<void> {
  const cancelBootGuard = exitOnEarlySignal();
  globalThis.console = new Console(process.stderr, process.stderr);
  const { known, jobs, queues = options.queues } = await load();
  const keys = options.signatures === undefined ? null : readKeys(options);
  const project = readProjectFile();
  const version = options.programVersion ?? project.version;
  const connection = await connect(options.url, {
    role,
    services: project.services,
    ...(known && { jobs: known }),
    ...(version === null ? {} : { version }),
  });
  const worker = connection.worker({
    jobs: jobs(connection),
    ...(queues && { queues }),
    concurrency: options.concurrency,
    fetchAhead: options.fetchAhead,
    lease: options.lease,
    heartbeat: options.heartbeat,
    shutdown: { drain: options.drain, abort: options.abort, close: options.close },
    maxLost: options.maxLost,
    ...(options.signatures && { signatures: options.signatures }),
    ...(keys && { keys }),
    ...(options.maxMemory === undefined ? {} : { maxMemoryBytes: options.maxMemory }),
  });
  const running = worker.run();
  cancelBootGuard();
  assertSettled(await running, options.lease);
}

/** What could not be handed back is safe, but late: a supervisor should see that by the exit code. */
function assertSettled(report: ShutdownReport, lease: Duration): void {
  if (report.unfinished === 0) return;
  throw new CommandError(
    "UNFINISHED",
    `${report.unfinished} jobs were neither finished nor handed back; they run elsewhere when their leases (${lease}) expire`,
  );
}

/** As PID 1 an unhandled SIGTERM is ignored; until the worker listens itself, nothing is leased and it may simply end. */
function exitOnEarlySignal(): () => void {
  const exit = (): void => process.exit(0);
  process.once("SIGTERM", exit).once("SIGINT", exit);
  return () => process.off("SIGTERM", exit).off("SIGINT", exit);
}
