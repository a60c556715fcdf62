import type { Command } from "commander";
import type { DeadLetter, DeadLetterQuery, Inspector } from "@waybill/core";
import { inspecting, shared, type SharedOptions } from "../connection.ts";
import { CommandError, UsageError } from "../exit.ts";
import { examples } from "../help.ts";
import { list, wholeNumber } from "../option-values.ts";
import { printJson, printText } from "../print.ts";
import { span } from "../span.ts";
import { type Column, table } from "../table.ts";

interface ListOptions extends SharedOptions {
  readonly queue?: string;
  readonly id?: readonly string[];
  readonly limit?: number;
}

interface ChangeOptions extends ListOptions {
  readonly all?: true;
  readonly dryRun?: true;
}

export function deadCommand(program: Command): void {
  const dead = program
    .command("dead")
    .summary("list, replay or drop jobs that failed for good")
    .description("Look after dead letters: jobs that will not run again until a person decides.");
  examples(
    dead,
    ["waybill dead list", "what died, newest first, and why"],
    ["waybill dead replay --id 0199a3c2-…", "run one again from its first attempt"],
    ["waybill dead drop --queue media --all", "delete those of one queue for good"],
  );
  listCommand(dead);
  changeCommand(dead, "replay", "Make dead letters deliverable again, each as a first attempt.");
  changeCommand(dead, "drop", "Delete dead letters for good; their payloads are gone.");
}

function listCommand(dead: Command): void {
  const command = selecting(dead.command("list").summary("show them, newest first"))
    .description("Show dead letters, newest first, each with the reason it died of.")
    .option("--limit <count>", "show at most this many", wholeNumber(1), 100);
  examples(
    shared(command).action(listDead),
    ["waybill dead list --queue media --limit 20", "the latest twenty of one queue"],
    ["waybill dead list --json --limit 1000", "one line per job, with its envelope as it arrived"],
  );
}

function changeCommand(dead: Command, verb: "replay" | "drop", description: string): void {
  const summary = verb === "replay" ? "run them again" : "delete them for good";
  const command = selecting(dead.command(verb).summary(summary))
    .description(description)
    .option("--all", "every dead letter, or every one of --queue")
    .option("--limit <count>", "with --all: only this many, newest first (default: no limit)", wholeNumber(1))
    .option("--dry-run", `show what would be ${verb === "replay" ? "replayed" : "dropped"}, and change nothing`);
  examples(
    shared(command).action((options: ChangeOptions) => changeDead(verb, options)),
    [`waybill dead ${verb} --id ID --id ID`, "these two"],
    [`waybill dead ${verb} --queue media --all --dry-run`, "look first"],
    [`waybill dead ${verb} --queue media --all`, "all of one queue"],
  );
}

function selecting(command: Command): Command {
  return command
    .option("--queue <name>", "only those of this queue")
    .option("--id <id>", "only this one; may be repeated", list);
}

async function listDead(options: ListOptions): Promise<void> {
  show(await inspecting(options.url, (inspector) => inspector.deadLetters(queryOf(options))), options);
}

async function changeDead(verb: "replay" | "drop", options: ChangeOptions): Promise<void> {
  if (options.id === undefined && !options.all) {
    throw new UsageError(`say which to ${verb}: --id ID, or --all (with --queue NAME for one queue)`);
  }
  await inspecting(options.url, async (inspector) => {
    const query = queryOf({ ...options, limit: options.limit ?? (await deadCount(inspector)) });
    if (options.dryRun) return show(await inspector.deadLetters(query), options);
    const count = await inspector[verb](query);
    const done = verb === "replay" ? "replayed" : "dropped";
    const expected = options.id?.length ?? query.limit ?? 0;
    const left = verb === "replay" && count < expected ? await damagedOf(inspector, query) : [];
    if (options.json) printJson({ [done]: count, ...(left.length > 0 && { damaged: left.length }) });
    else if (count > 0) printText(`${count} ${count === 1 ? "dead letter" : "dead letters"} ${done}.`);
    else if (left.length === 0) printText("No dead letter matches; nothing was changed.");
    if (left.length > 0) throw new CommandError("RECORD_DAMAGED", cannotReplay(left));
  });
}

/** Those asked for that a replay leaves where they are. */
async function damagedOf(inspector: Inspector, query: DeadLetterQuery): Promise<DeadLetter[]> {
  return (await inspector.deadLetters(query)).filter(({ damage }) => damage !== undefined);
}

function cannotReplay([first, ...others]: readonly DeadLetter[]): string {
  const more = others.length === 0 ? "" : ` (and ${others.length} more; "waybill dead list" shows them)`;
  return `cannot replay "${first?.id}": ${oneLine(first?.damage ?? "")}${more}; drop it, or mend the record in the store`;
}

/** At least 1, since a query's limit is. */
async function deadCount(inspector: Inspector): Promise<number> {
  const counts = await inspector.counts();
  return Math.max(
    1,
    counts.reduce((sum, queue) => sum + queue.dead, 0),
  );
}

function queryOf(options: ListOptions): DeadLetterQuery {
  return {
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...(options.id === undefined ? {} : { ids: options.id }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  };
}

const columns: readonly Column<DeadLetter>[] = [
  { title: "ID", text: (row) => row.id },
  { title: "TYPE", text: (row) => row.type },
  { title: "QUEUE", text: (row) => row.queue },
  { title: "ATTEMPT", text: (row) => String(row.attempt), align: "right" },
  {
    title: "DIED",
    text: (row) => (row.diedAt === null ? "unknown" : `${span(Date.now() - row.diedAt)} ago`),
    align: "right",
  },
  {
    title: "WHY",
    text: (row) =>
      oneLine(row.damage === undefined ? `${row.reason.code}: ${row.reason.message}` : `damaged: ${row.damage}`),
  },
];

function show(rows: readonly DeadLetter[], options: SharedOptions): void {
  if (options.json)
    rows.forEach((row) =>
      printJson({ ...row, diedAt: row.diedAt === null ? null : new Date(row.diedAt).toISOString() }),
    );
  else printText(rows.length > 0 ? table(columns, rows) : "No dead letters.");
}

/** Enough of a message to know it by; --json has the whole. */
function oneLine(message: string): string {
  const line = message.replaceAll(/\s+/g, " ").trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
