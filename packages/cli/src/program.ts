import { Command } from "commander";
import { auditCommand } from "./commands/audit.ts";
import { checkCommand } from "./commands/check.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { deadCommand } from "./commands/dead/dead.ts";
import { drainCommand } from "./commands/drain.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { enqueueCommand } from "./commands/enqueue.ts";
import { flowsCommand } from "./commands/flows.ts";
import { ingressCommand } from "./commands/ingress.ts";
import { initCommand } from "./commands/init.ts";
import { jobsCommand } from "./commands/jobs/jobs.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { pauseCommand, resumeCommand } from "./commands/pause.ts";
import { pushCommand } from "./commands/push.ts";
import { queuesCommand } from "./commands/queues.ts";
import { schedulesCommand } from "./commands/schedules/schedules.ts";
import { systemdCommand } from "./commands/systemd.ts";
import { topCommand } from "./commands/top.ts";
import { waitCommand } from "./commands/wait.ts";
import { whyCommand } from "./commands/why.ts";
import { workerCommand } from "./commands/worker.ts";
import { workersCommand } from "./commands/workers.ts";
import { type ExitCode, exitCodeOf, exitCodes, isEndOfHelp } from "./exit.ts";
import { examples, section } from "./output/help.ts";
import { applySettings, readProjectFile } from "./options/project-file.ts";
import { printError } from "./output/print.ts";
import { bold } from "./output/style.ts";
import { version } from "./version.ts";

const COMMANDS = [
  initCommand,
  workerCommand,
  pushCommand,
  ingressCommand,
  enqueueCommand,
  queuesCommand,
  workersCommand,
  topCommand,
  jobsCommand,
  whyCommand,
  auditCommand,
  deadCommand,
  schedulesCommand,
  flowsCommand,
  pauseCommand,
  resumeCommand,
  dashboardCommand,
  drainCommand,
  migrateCommand,
  doctorCommand,
  waitCommand,
  systemdCommand,
  checkCommand,
  keysCommand,
] as const;

/** Runs one command line and prints its output or its error. Returns the exit code. Never throws. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  if (argv.length === 0) {
    createProgram().outputHelp({ error: true });
    return exitCodes.usage;
  }
  try {
    const program = createProgram();
    applySettings(program, readProjectFile());
    await program.parseAsync(argv, { from: "user" });
    return exitCodes.ok;
  } catch (thrown) {
    if (isEndOfHelp(thrown)) return exitCodes.ok;
    printError(thrown, argv.includes("--json"), argv);
    return exitCodeOf(thrown);
  }
}

/** Creates the command line without the settings of package.json. */
export function createProgram(): Command {
  const program = new Command("waybill")
    .description("Run background jobs, enqueue them, inspect queues and handle dead letters.")
    .version(version, "-v, --version", "print the version")
    .helpCommand(false)
    // Commands copy these settings when they are added, so they come first.
    .configureHelp({ styleTitle: bold, helpWidth: 100 })
    // Errors are thrown and printed once, by `run`.
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
  for (const add of COMMANDS) add(program);
  examples(
    program,
    ["waybill worker --jobs ./jobs.js", "run jobs until SIGTERM or Ctrl-C"],
    ['waybill enqueue mail.album_ready \'{"albumId":"a1"}\' --jobs ./jobs.js', "enqueue one job"],
    ["waybill queues", "count the jobs of each queue"],
  );
  section(
    program,
    "Environment",
    "WAYBILL_URL      the backend, where --url is not given",
    "WAYBILL_LEDGER   a backend that lends its ledger to another, where --ledger is not given",
    "WAYBILL_RECORDS, WAYBILL_RECORDS_REDACT   what `worker`, `push` and `enqueue` keep of each job",
    "WAYBILL_JOBS     the module with the job definitions, where --jobs is not given",
    "WAYBILL_KEYS     the secrets: the first signs jobs, all are trusted",
    "WAYBILL_METRICS_PORT, WAYBILL_METRICS_HOST   where `worker` and `push` serve /metrics, /health and /ready",
    "WAYBILL_SHUTDOWN_FILE   a local file in which `worker` and `push` keep how they ended",
    "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER",
    "                 where `worker` and `push` send spans and metrics, by @opentelemetry/sdk-node",
    "PORT             where `ingress` listens, where --port is not given",
    "WAYBILL_DASHBOARD_PASSWORD",
    "                 what `dashboard` asks for, with the name of --user",
    "WAYBILL_TO       where `push` POSTs, where --to is not given",
    "WAYBILL_DEBUG=1  print stacks with errors",
    "NO_COLOR         print without colours",
  );
  section(program, "Exit codes", "0 done   1 failed   2 the command line, a URL or a jobs file is wrong");
  return program;
}
