import type { Command } from "commander";
import { connect, type Duration, type Finding, type Jobs, toError } from "@waybill/core";
import type { ServerVersion } from "@waybill/core/backend";
import { durationMs } from "@waybill/core/endpoint";
import { shared, type SharedOptions } from "../connection.ts";
import { declaredQueues, servedQueues, uncoveredQueues } from "../doctor/coverage.ts";
import { hostFindings } from "../doctor/host.ts";
import { launchFindings } from "../doctor/launch.ts";
import { type Setting, settingsOf } from "../doctor/settings.ts";
import { CommandError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { loadJobs } from "../jobs-file/load.ts";
import { duration } from "../options/values.ts";
import { printJson, printText } from "../output/print.ts";
import { bold } from "../output/style.ts";
import { readKeys } from "../options/keys.ts";
import { placeOf, PUSH_NAMES, type PushFlags, pushOptions, toOption } from "../options/push.ts";
import { type Column, table } from "../output/table.ts";
import { jobsOption, type WorkerFlags, workerOptions } from "../options/worker.ts";

interface Options extends SharedOptions, WorkerFlags, PushFlags {
  readonly watch: Duration;
}

export function doctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .summary("examine the backend and print every setting with its origin")
    .description(
      "Examine the backend, find queues without a worker, and print every effective setting with its origin.",
    )
    .addOption(jobsOption())
    .option("--watch <duration>", "how long a queue is watched before it counts as without a worker", duration, "3s");
  pushOptions(workerOptions(command, { ...PUSH_NAMES, queues: "those of the jobs" }).addOption(toOption()));
  examples(
    shared(command).action((options: Options) => examine(options, command)),
    ["waybill doctor", "the settings of this shell, and whether jobs are safe on the backend"],
    ["waybill doctor --jobs ./jobs.js", "the settings of each job too"],
    [
      "waybill doctor --to http://127.0.0.1:3000/work",
      "the settings of `waybill push`, and whether the application answers",
    ],
    ["waybill doctor --json", "one line per setting and per finding"],
  );
  section(
    command,
    "Origins",
    "default   not set",
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
    ledger: options.ledger,
    jobs: definitions,
  }).catch((thrown: unknown) => report(null, [refusal(thrown), ...receiver]));
  if (!jobs) return;
  try {
    const found = await findingsOf(jobs, queues, durationMs(options.watch, "--watch"));
    report(jobs, [...found, ...receiver]);
  } finally {
    await jobs.close();
  }
}

/** Reports a backend that cannot be opened as a finding, so that the settings are printed beside it. */
function refusal(thrown: unknown): Finding {
  return { check: "backend.opens", severity: "failure", message: toError(thrown).message, remedy: null };
}

async function findingsOf(jobs: Jobs, named: readonly string[], watchMs: number): Promise<Finding[]> {
  const own = jobs.doctor?.checks() ?? [];
  const served = await servedQueues(jobs);
  const queues = jobs.inspector === null ? [] : uncoveredQueues(jobs.inspector, named, watchMs, served);
  return (await Promise.all([own, queues, declaredQueues(jobs), hostFindings(jobs), launchFindings(jobs)])).flat();
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
  { title: "FOUND", text: ({ message, remedy }) => (remedy === null ? message : `${message}; ${remedy}`) },
];

function printReport(settings: readonly Setting[], server: ServerVersion | null, found: readonly Finding[]): void {
  printText(table(settingColumns, settings));
  if (server !== null) printText(`\n${bold("SERVER")}  ${server.product} ${server.version}`);
  printText(`\n${found.length > 0 ? table(findingColumns, found) : "This backend reports nothing about its health."}`);
}
