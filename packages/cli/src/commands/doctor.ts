import type { Command } from "commander";
import { connect, type Duration, type Finding, type Jobs, toError } from "@waybill/core";
import type { ServerVersion } from "@waybill/core/backend";
import { durationMs } from "@waybill/core/door";
import { shared, type SharedOptions } from "../connection.ts";
import { uncoveredQueues } from "../doctor/coverage.ts";
import { hostFindings } from "../doctor/host.ts";
import { type Setting, settingsOf } from "../doctor/settings.ts";
import { CommandError } from "../exit.ts";
import { examples, section } from "../help.ts";
import { loadJobs } from "../load-jobs.ts";
import { duration } from "../option-values.ts";
import { printJson, printText } from "../print.ts";
import { readProjectFile } from "../project-file.ts";
import { bold } from "../style.ts";
import { readKeys } from "../keys.ts";
import { placeOf, PUSH_NAMES, type PushFlags, pushOptions, toOption } from "../push-options.ts";
import { type Column, table } from "../table.ts";
import { jobsOption, type WorkerFlags, workerOptions } from "../worker-options.ts";

interface Options extends SharedOptions, WorkerFlags, PushFlags {
  readonly watch: Duration;
}

export function doctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .summary("examine the backend and print every setting with its origin")
    .description(
      "Examine the backend, look for queues that nobody works, and print every effective setting with who set it.",
    )
    .addOption(jobsOption())
    .option("--watch <duration>", "how long a queue is watched before it counts as left alone", duration, "3s");
  pushOptions(workerOptions(command, { ...PUSH_NAMES, queues: "those of the jobs" }).addOption(toOption()));
  examples(
    shared(command).action((options: Options) => examine(options, command)),
    ["waybill doctor", "what this shell would run with, and whether jobs are safe there"],
    ["waybill doctor --jobs ./jobs.js", "the settings of each job too"],
    [
      "waybill doctor --to http://127.0.0.1:3000/work",
      "what `waybill push` would run with, and whether anybody is there",
    ],
    ["waybill doctor --json", "one line per setting and per finding"],
  );
  section(
    command,
    "Origins",
    "default   nobody set it",
    "file      `waybill` in package.json",
    "env       the environment",
    "code      this command line, or the jobs file",
  );
}

async function examine(options: Options, command: Command): Promise<void> {
  const definitions = options.jobs === undefined ? [] : await loadJobs(options.jobs);
  const queues = [...Object.keys(options.queues ?? {}), ...definitions.map(({ queue }) => queue)];
  const keys = readKeys(options);
  const receiver = await receiverFindings(options);
  const report = (jobs: Jobs | null, found: readonly Finding[]): void => {
    const settings = settingsOf(command, keys, jobs?.doctor?.settings ?? [], definitions);
    const server = jobs?.doctor?.server ?? null;
    if (options.json) [...settings, ...(server ? [{ server }] : []), ...found].forEach(printJson);
    else printReport(settings, server, found);
    const failures = found.filter(({ severity }) => severity === "failure");
    if (failures.length > 0) throw new CommandError("UNHEALTHY", failures.map(({ message }) => message).join("; "));
  };
  const jobs = await connect(options.url, {
    log: "off",
    jobs: definitions,
    services: readProjectFile().services,
  }).catch((thrown: unknown) => report(null, [refusal(thrown), ...receiver]));
  if (!jobs) return;
  try {
    const found = await findingsOf(jobs, queues, durationMs(options.watch, "--watch"));
    report(jobs, [...found, ...receiver]);
  } finally {
    await jobs.close();
  }
}

/** A backend that refuses to open is the finding a person came for; the settings beside it often tell why. */
function refusal(thrown: unknown): Finding {
  return { check: "backend.opens", severity: "failure", message: toError(thrown).message, wayOut: null };
}

async function findingsOf(jobs: Jobs, named: readonly string[], watchMs: number): Promise<Finding[]> {
  const own = jobs.doctor?.checks() ?? [];
  const queues = jobs.inspector === null ? [] : uncoveredQueues(jobs.inspector, named, watchMs);
  return (await Promise.all([own, queues, hostFindings(jobs)])).flat();
}

async function receiverFindings({ to, httpPath, connectTimeout }: Options): Promise<Finding[]> {
  if (to === undefined) return [];
  const { examineReceiver } = await import("@waybill/http");
  return [await examineReceiver(placeOf(to, httpPath), durationMs(connectTimeout, "--connect-timeout"))];
}

const settingColumns: readonly Column<Setting>[] = [
  { title: "SETTING", text: ({ name }) => name },
  { title: "VALUE", text: ({ value }) => (value === null ? "-" : String(value)) },
  { title: "ORIGIN", text: ({ origin }) => origin },
];

const findingColumns: readonly Column<Finding>[] = [
  { title: "CHECK", text: ({ check }) => check },
  { title: "RESULT", text: ({ severity }) => severity },
  { title: "FOUND", text: ({ message, wayOut }) => (wayOut === null ? message : `${message}; ${wayOut}`) },
];

function printReport(settings: readonly Setting[], server: ServerVersion | null, found: readonly Finding[]): void {
  printText(table(settingColumns, settings));
  if (server !== null) printText(`\n${bold("SERVER")}  ${server.product} ${server.version}`);
  printText(
    `\n${found.length > 0 ? table(findingColumns, found) : "This backend has nothing to say about its health."}`,
  );
}
