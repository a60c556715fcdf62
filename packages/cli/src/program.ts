import { Command } from "commander";
import { deadCommand } from "./commands/dead.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { enqueueCommand } from "./commands/enqueue.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { pushCommand } from "./commands/push.ts";
import { queuesCommand } from "./commands/queues.ts";
import { waitCommand } from "./commands/wait.ts";
import { workerCommand } from "./commands/worker.ts";
import { workersCommand } from "./commands/workers.ts";
import { type ExitCode, exitCodeOf, exitCodes, isEndOfHelp } from "./exit.ts";
import { examples, section } from "./help.ts";
import { applySettings, readProjectFile } from "./project-file.ts";
import { printError } from "./print.ts";
import { bold } from "./style.ts";
import { version } from "./version.ts";

const COMMANDS = [
  workerCommand,
  pushCommand,
  enqueueCommand,
  queuesCommand,
  workersCommand,
  deadCommand,
  migrateCommand,
  doctorCommand,
  waitCommand,
  keysCommand,
] as const;

/** Runs one command line, prints its answer or its one error, and answers the exit code. Never throws. */
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

/** The whole command line, with no setting applied. */
export function createProgram(): Command {
  const program = new Command("waybill")
    .description("Run background jobs, put them on queues, and look after the ones that failed.")
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
    ['waybill enqueue mail.album_ready \'{"albumId":"a1"}\' --jobs ./jobs.js', "put one job on its queue"],
    ["waybill queues", "see what waits where"],
  );
  section(
    program,
    "Environment",
    "WAYBILL_URL      the backend, where --url is not given",
    "WAYBILL_JOBS     the module with the job definitions, where --jobs is not given",
    "WAYBILL_KEYS     the secrets that sign jobs, the first one, and that are trusted, all of them",
    "WAYBILL_TO       where `push` POSTs, where --to is not given",
    "WAYBILL_DEBUG=1  print stacks with errors",
    "NO_COLOR         print without colours",
  );
  section(program, "Exit codes", "0 done   1 failed   2 the command line, a URL or a jobs file is wrong");
  return program;
}
