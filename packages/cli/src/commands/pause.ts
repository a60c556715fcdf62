import type { Command } from "commander";
import type { Jobs, Pause, PauseTarget } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { UsageError } from "../exit.ts";
import { span } from "../output/duration-text.ts";
import { examples } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { type Column, table } from "../output/table.ts";

interface Options extends SharedOptions {
  readonly queue?: string;
  readonly type?: string;
}

export function pauseCommand(program: Command): void {
  const command = naming(program.command("pause").summary("pause a queue, or a type of job")).description(
    "Pause a queue, or a type of job in every queue. Workers lease none of them within seconds; what runs goes on, and " +
      "producers may still enqueue. Without a name: list what is paused.",
  );
  examples(
    shared(command).action((options: Options) => (isNamed(options) ? pause(options) : listPauses(options))),
    ["waybill pause --queue mailers", "no worker leases from it any more"],
    ["waybill pause --type mail.send", "the others of its queue still run"],
    ["waybill pause", "what is paused, and since when"],
  );
}

export function resumeCommand(program: Command): void {
  const command = naming(program.command("resume").summary("end a pause")).description(
    "End the pause of a queue or of a type. Does nothing where there is none.",
  );
  examples(
    shared(command).action(resume),
    ["waybill resume --queue mailers", "its jobs run again"],
    ["waybill resume --type mail.send", "jobs of this type run again"],
  );
}

const naming = (command: Command): Command =>
  command.option("--queue <name>", "this queue").option("--type <type>", "jobs of this type, in every queue");

const isNamed = ({ queue, type }: Options): boolean => queue !== undefined || type !== undefined;

function targetOf({ queue, type }: Options): PauseTarget {
  if (queue !== undefined && type === undefined) return { queue };
  if (type !== undefined && queue === undefined) return { type };
  throw new UsageError("name one: --queue NAME or --type TYPE");
}

async function pause(options: Options): Promise<void> {
  await change(options, (jobs, target) => jobs.pause(target), "paused");
}

async function resume(options: Options): Promise<void> {
  await change(options, (jobs, target) => jobs.resume(target), "resumed");
}

async function change(
  options: Options,
  call: (jobs: Jobs, target: PauseTarget) => Promise<void>,
  done: "paused" | "resumed",
): Promise<void> {
  const target = targetOf(options);
  await connected(options, {}, (jobs) => call(jobs, target));
  if (options.json) printJson({ [done]: target });
  else printText(`${"queue" in target ? `Queue "${target.queue}"` : `Type "${target.type}"`} is ${done}.`);
}

const columns: readonly Column<Pause>[] = [
  { title: "PAUSED", text: (row) => ("queue" in row ? `queue ${row.queue}` : `type ${row.type}`) },
  { title: "SINCE", text: (row) => `${span(Date.now() - row.since)} ago`, align: "right" },
];

async function listPauses(options: SharedOptions): Promise<void> {
  const rows = await connected(options, {}, (jobs) => jobs.pauses());
  if (options.json) for (const row of rows) printJson({ ...row, since: new Date(row.since).toISOString() });
  else printText(rows.length > 0 ? table(columns, rows) : "Nothing is paused.");
}
