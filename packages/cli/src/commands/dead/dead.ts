import type { Command } from "commander";
import type { DeadLetterRecord, DeadLetterQuery, Inspector } from "@waybill/core";
import { inspecting, shared, type SharedOptions } from "../../connection.ts";
import { CommandError, UsageError } from "../../exit.ts";
import { examples } from "../../output/help.ts";
import { list, momentSince, nonEmpty, wholeNumber } from "../../options/values.ts";
import { printJson, printText } from "../../output/print.ts";
import { span } from "../../output/duration-text.ts";
import { type Column, table } from "../../output/table.ts";
import { deadJson, deadShowCommand } from "./show.ts";

interface ListOptions extends SharedOptions {
  readonly queue?: string;
  readonly id?: readonly string[];
  readonly type?: string;
  readonly code?: string;
  /** Unix milliseconds. */
  readonly since?: number;
  readonly limit?: number;
}

interface ChangeOptions extends ListOptions {
  readonly all?: true;
  readonly dryRun?: true;
}

export function deadCommand(program: Command): void {
  const dead = program
    .command("dead")
    .summary("list, show, replay or drop dead letters")
    .description("List, show, replay and drop dead letters: jobs that ended without success and were kept.");
  examples(
    dead,
    ["waybill dead list", "dead letters and their reasons, newest first"],
    ["waybill dead show 0199a3c2-…", "where one failed: stack and causes"],
    ["waybill dead replay --id 0199a3c2-…", "run one again from its first attempt"],
    ["waybill dead replay --code CARD_DECLINED --since 2h --all", "those with this code, of the last two hours"],
    ["waybill dead drop --queue media --all", "delete those of one queue for good"],
  );
  listCommand(dead);
  deadShowCommand(dead);
  changeCommand(dead, "replay", "Make dead letters available again, each as a first attempt.");
  changeCommand(dead, "drop", "Delete dead letters for good, with their payloads.");
}

function listCommand(dead: Command): void {
  const command = selecting(dead.command("list").summary("show them, newest first"))
    .description("Show dead letters and their reasons, newest first.")
    .option("--limit <count>", "show at most this many", wholeNumber(1), 100);
  examples(
    shared(command).action(listDead),
    ["waybill dead list --queue media --limit 20", "the latest twenty of one queue"],
    ["waybill dead list --type mail.send --since 2026-12-01T08:00:00Z", "of one type, since a time"],
    ["waybill dead list --json --limit 1000", "one line per job, with its envelope as it arrived"],
  );
}

function changeCommand(dead: Command, verb: "replay" | "drop", description: string): void {
  const summary = verb === "replay" ? "run them again" : "delete them for good";
  const command = selecting(dead.command(verb).summary(summary))
    .description(description)
    .option("--all", "every dead letter, or every one that passes --queue, --type, --code and --since")
    .option("--limit <count>", "with --all: only this many, newest first (default: no limit)", wholeNumber(1))
    .option("--dry-run", `show what would be ${verb === "replay" ? "replayed" : "dropped"}, and change nothing`);
  examples(
    shared(command).action((options: ChangeOptions) => changeDead(verb, options)),
    [`waybill dead ${verb} --id ID --id ID`, "these two"],
    [`waybill dead ${verb} --type mail.send --code WORKER_LOST --all --dry-run`, "look first"],
    [`waybill dead ${verb} --type mail.send --code WORKER_LOST --all`, "all of one type with one code"],
  );
}

function selecting(command: Command): Command {
  return command
    .option("--queue <name>", "only those of this queue", nonEmpty)
    .option("--id <id>", "only this one; may be repeated", list)
    .option("--type <type>", "only jobs of this type: mail.album_ready", nonEmpty)
    .option("--code <code>", "only those with this code: ATTEMPTS_EXHAUSTED", nonEmpty)
    .option(
      "--since <time>",
      "only those that died within this duration (2h) or since this ISO 8601 time; not those of an unknown time",
      momentSince,
    );
}

async function listDead(options: ListOptions): Promise<void> {
  const { limit = 100 } = options;
  // One more than is shown, to know whether there are more.
  const query = { ...queryOf(options), limit: limit + 1 };
  const found = await inspecting(options, (inspector) => inspector.deadLetters(query));
  show(found.slice(0, limit), options);
  if (found.length > limit && !options.json)
    printText(`The newest ${limit} ${limit === 1 ? "is" : "are"} shown; --limit shows more.`);
}

async function changeDead(verb: "replay" | "drop", options: ChangeOptions): Promise<void> {
  if (options.id === undefined && !options.all) {
    throw new UsageError(
      `say which to ${verb}: --id ID, or --all (of --queue, --type, --code and --since where they are given)`,
    );
  }
  const done = verb === "replay" ? "replayed" : "dropped";
  await inspecting(options, async (inspector) => {
    const query = { ...queryOf(options), limit: options.limit ?? Infinity };
    if (options.dryRun) return preview(await inspector.deadLetters(query), done, options);
    const count = await inspector[verb](query);
    const left =
      verb === "replay" && count < (options.id?.length ?? query.limit) ? await damagedOf(inspector, query) : [];
    if (options.json) printJson({ [done]: count, ...(left.length > 0 && { damaged: left.length }) });
    else if (count > 0) printText(`${deadLetters(count)} ${done}.`);
    else if (left.length === 0) printText("No dead letter matches; nothing was changed.");
    if (left.length > 0) throw new CommandError("RECORD_DAMAGED", cannotReplay(left));
  });
}

function preview(rows: readonly DeadLetterRecord[], done: string, options: SharedOptions): void {
  show(rows, options);
  if (rows.length > 0 && !options.json) printText(`${deadLetters(rows.length)} would be ${done}; nothing was changed.`);
}

const deadLetters = (count: number): string => `${count} ${count === 1 ? "dead letter" : "dead letters"}`;

/** Returns the damaged ones among the newest thousand that match: a replay does not change them. */
async function damagedOf(inspector: Inspector, query: DeadLetterQuery): Promise<DeadLetterRecord[]> {
  return (await inspector.deadLetters({ ...query, limit: 1_000 })).filter(({ damage }) => damage !== undefined);
}

function cannotReplay([first, ...others]: readonly DeadLetterRecord[]): string {
  const more = others.length === 0 ? "" : ` (and ${others.length} more; "waybill dead list" shows them)`;
  return `cannot replay "${first?.id}": ${oneLine(first?.damage ?? "")}${more}; drop it, or correct the record in the store`;
}

function queryOf({ queue, id, type, code, since }: ListOptions): DeadLetterQuery {
  return {
    ...(queue !== undefined && { queue }),
    ...(id !== undefined && { ids: id }),
    ...(type !== undefined && { type }),
    ...(code !== undefined && { code }),
    ...(since !== undefined && { since }),
  };
}

const columns: readonly Column<DeadLetterRecord>[] = [
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

function show(rows: readonly DeadLetterRecord[], options: SharedOptions): void {
  if (options.json) for (const row of rows) printJson(deadJson(row));
  else printText(rows.length > 0 ? table(columns, rows) : "No dead letters.");
}

/** Returns at most 100 characters of a message, on one line. `--json` prints all of it. */
function oneLine(message: string): string {
  const line = message.replaceAll(/\s+/g, " ").trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
