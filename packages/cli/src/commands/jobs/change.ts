import type { Command } from "commander";
import type { Duration, JobFilter, Jobs } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import { connected, shared, type SharedOptions } from "../../connection.ts";
import { CommandError, UsageError } from "../../exit.ts";
import { duration, instant, nonEmpty } from "../../options/values.ts";
import { examples } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { filterOf, type FilterOptions, filtering } from "./filters.ts";
import { notFound } from "./show.ts";

interface Options extends SharedOptions, FilterOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly at?: Date;
  readonly in?: Duration;
}

type Verb = "cancel" | "run" | "reschedule";

export function changeCommands(jobs: Command): void {
  examples(
    changing(jobs, "cancel", "end jobs: waiting ones are removed, running ones aborted").description(
      "Cancel jobs. One that waits is removed; one that runs is aborted within seconds and not retried.",
    ),
    ["waybill jobs cancel ID", "this one"],
    ["waybill jobs cancel --type mail.send --all --dry-run", "look first"],
    ["waybill jobs cancel --type mail.send --all", "all of one type"],
  );
  examples(
    changing(jobs, "run", "run delayed jobs now").description(
      "Make delayed jobs ready, also those that wait for their next attempt. Their attempts are kept.",
    ),
    ["waybill jobs run ID", "this one"],
    ["waybill jobs run --queue media --all", "every delayed job of one queue"],
  );
  examples(
    changing(jobs, "reschedule", "give waiting jobs another time")
      .description("Give waiting jobs another time, sooner or later. Their attempts are kept.")
      .option("--at <time>", "this ISO 8601 time", instant)
      .option("--in <duration>", "this long from now: 10m, 2h", duration),
    ["waybill jobs reschedule ID --in 2h", "in two hours"],
    ["waybill jobs reschedule --type report.build --all --at 2026-12-01T03:00:00Z", "all of one type, at night"],
  );
}

function changing(jobs: Command, verb: Verb, summary: string): Command {
  const command = filtering(jobs.command(verb).argument("[id]", "the job's id", nonEmpty).summary(summary), "not dead")
    .option("--all", "every job that passes the filters, of which at least one is given")
    .option("--dry-run", "count what would be changed, and change nothing");
  return shared(command).action((id: string | undefined, options: Options) => change(verb, id, options));
}

async function change(verb: Verb, id: string | undefined, options: Options): Promise<void> {
  const { dryRun = false, json } = options;
  const target = targetOf(verb, id, options);
  const at = verb === "reschedule" ? timeOf(options) : null;
  const report = await connected(options, {}, (jobs) => apply(jobs, verb, target, at, dryRun));
  if (typeof target === "string") assertChanged(verb, target, report);
  if (json) printJson(dryRun ? { ...report, dryRun } : report);
  else printText(sentence(report, dryRun));
}

type Counts = { readonly [name: string]: number };

async function apply(
  jobs: Jobs,
  verb: Verb,
  target: string | JobFilter,
  at: Date | null,
  dryRun: boolean,
): Promise<Counts> {
  if (verb === "cancel") return { ...(await jobs.cancel(target, { dryRun })) };
  if (at === null) return { ...(await jobs.runNow(target, { dryRun })) };
  return { ...(await jobs.reschedule(target, at, { dryRun })) };
}

function targetOf(verb: Verb, id: string | undefined, options: Options): string | JobFilter {
  const filter = filterOf(options);
  const hasFilter = Object.keys(filter).length > 0;
  if (id !== undefined) {
    if (!hasFilter && !options.all) return id;
    throw new UsageError(`name one job by its id, or several by filters with --all: not both`);
  }
  if (hasFilter && (options.all || Object.keys(filter).join() === "ids")) return filter;
  throw new UsageError(
    `say which to ${verb}: an ID, or --all with at least one of --queue, --type, --state, --tenant, --text, --since`,
  );
}

function timeOf({ at, in: after }: Options): Date {
  if ((at === undefined) === (after === undefined)) throw new UsageError("say when: --at TIME or --in DURATION");
  return at ?? new Date(Date.now() + durationMs(after ?? 0, "--in"));
}

/** Throws for a job that was named and is left as it was: a script that names one relies on it. */
function assertChanged(verb: Verb, id: string, { absent = 0, dead = 0, leased = 0 }: Counts): void {
  if (absent > 0) throw notFound(id);
  if (dead > 0) {
    const remedy =
      verb === "cancel"
        ? `"waybill dead drop --id ${id}" deletes it`
        : `"waybill dead replay --id ${id}" runs it again`;
    throw new CommandError("NOT_CHANGED", `job "${id}" is a dead letter: ${remedy}`);
  }
  if (leased > 0) {
    throw new CommandError(
      "NOT_CHANGED",
      `job "${id}" is running and was left as it is; "waybill jobs cancel ${id}" aborts it`,
    );
  }
}

const TEXTS: { readonly [name: string]: readonly [done: string, would: string] } = {
  cancelled: ["cancelled", "would be cancelled"],
  aborting: ["running and being aborted", "running and would be aborted"],
  recorded: ["recorded: running ones are aborted, waiting ones dropped when they are delivered", "would be recorded"],
  rescheduled: ["rescheduled", "would be rescheduled"],
  leased: ["running, and left", "running, and would be left"],
  dead: ["dead letters, and left (see waybill dead)", "dead letters, and would be left"],
  absent: ["not there", "not there"],
};

function sentence(report: Counts, dryRun: boolean): string {
  const parts = Object.entries(report)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${TEXTS[name]?.[dryRun ? 1 : 0] ?? name}`);
  const end = dryRun ? "; nothing was changed." : ".";
  return parts.length === 0 ? "No job matches; nothing was changed." : `${parts.join("; ")}${end}`;
}
