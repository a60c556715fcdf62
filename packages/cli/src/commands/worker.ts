import { Console } from "node:console";
import type { Command } from "commander";
import { connect, type Duration, type ShutdownReport } from "@waybill/core";
import { shared, type SharedOptions } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { examples, section } from "../help.ts";
import { loadHandlers } from "../load-jobs.ts";
import { readProjectFile } from "../project-file.ts";
import { jobsOption, type WorkerFlags, workerOptions } from "../worker-options.ts";

interface Options extends SharedOptions, WorkerFlags {
  readonly jobs: string;
}

export function workerCommand(program: Command): void {
  const command = program
    .command("worker")
    .summary("run jobs until told to stop")
    .description("Run jobs until SIGTERM or SIGINT, then finish or hand back what runs, and print a summary.")
    .addOption(jobsOption().makeOptionMandatory());
  workerOptions(command);
  examples(
    shared(command).action(work),
    ["waybill worker --jobs ./jobs.js", "every queue the jobs name"],
    ["waybill worker --jobs ./jobs.js --queues mailers --concurrency 50", "mail only, fifty at once"],
    ["waybill worker --jobs ./jobs.js --drain 100s", "for a platform that waits two minutes"],
  );
  section(
    command,
    "Output",
    "stdout carries one JSON object per line and ends with the summary; what handlers log by `console` goes to stderr.",
    "A second signal shortens the shutdown, a third ends it at once.",
  );
}

async function work(options: Options): Promise<void> {
  const cancelBootGuard = exitOnEarlySignal();
  globalThis.console = new Console(process.stderr, process.stderr);
  const handlers = await loadHandlers(options.jobs);
  const project = readProjectFile();
  const version = options.programVersion ?? project.version;
  const jobs = await connect(options.url, {
    jobs: handlers,
    role: "worker",
    services: project.services,
    ...(version === null ? {} : { version }),
  });
  const worker = jobs.worker({
    jobs: handlers,
    ...(options.queues === undefined ? {} : { queues: options.queues }),
    concurrency: options.concurrency,
    lease: options.lease,
    heartbeat: options.heartbeat,
    shutdown: { drain: options.drain, abort: options.abort, close: options.close },
    maxLost: options.maxLost,
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
