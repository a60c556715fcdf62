import { describeError, toError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { errorCode, errorStack, printableJson, isInstance, member } from "@waybill/core/endpoint";
import { CommanderError } from "commander";
import { inCommands } from "./command-words.ts";
import { printableLines, red } from "./style.ts";

/** Prints text on stdout. */
export function printText(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`);
}

/** Prints one JSON value on one line of stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** Prints one line on stderr, beside the log lines of stdout. */
export function printNote(text: string): void {
  process.stderr.write(`waybill: ${printableLines(text)}\n`);
}

/** A screen of its own on the terminal, without a cursor. */
export function openScreen(): void {
  process.stdout.write("\u001b[?1049h\u001b[?25l");
}

/** Shows the terminal again as it was before `openScreen`. */
export function closeScreen(): void {
  process.stdout.write("\u001b[?25h\u001b[?1049l");
}

/** Draws text over what the screen shows, in one write and without clearing it first, so that nothing flickers. */
export function drawScreen(text: string): void {
  const lines = printableLines(text)
    .split("\n")
    .slice(0, (process.stdout.rows ?? 24) - 1);
  process.stdout.write(`\u001b[H${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
}

/**
 * Prints an error as one line on stderr; with WAYBILL_DEBUG=1 also its stack. URLs of the command line are masked in it,
 * because the parser of arguments repeats what it cannot parse, which may contain a password.
 */
export function printError(thrown: unknown, json: boolean, argv: readonly string[]): void {
  const error = toError(thrown);
  const urls = argv
    .filter((argument, at) => /[/@]|%(?:2f|3a|40)|password/i.test(argument) && !isPlain(argument, argv[at - 1]))
    // Texts of errors are kept without control characters.
    .flatMap((argument) => [argument, argument.replaceAll(/(?![\t\n\r])\p{Cc}/gu, "\ufffd")]);
  const masked = (text: string): string => urls.reduce((all, url) => all.replaceAll(url, () => maskUrl(url)), text);
  const code = codeOf(error);
  const message = masked(inCommands(error.message.replace(/^error: /, ""))).trim();
  process.stderr.write(
    json
      ? `${printableJson({ error: { code, message } })}\n`
      : `${red("error:")} ${printableLines(message)}${debugNoteFor(code)}\n`,
  );
  if (debugging()) process.stderr.write(`${printableLines(masked(stackOf(error)))}\n`);
}

/** Whether an argument is a cron expression or a time zone, in which "/" and "@" are usual, or a path, whose fault must be seen. */
function isPlain(argument: string, before: string | undefined): boolean {
  const isOf = (option: RegExp): boolean => option.test(before ?? "") || option.test(argument.split("=")[0] ?? "");
  if (argument.includes("://")) return false;
  return isOf(/^--(?:cron|time-zone)$/) || (isOf(/^--(?:directory|environment-file)$/) && !argument.includes("@"));
}

function codeOf(thrown: unknown): string {
  if (isInstance(thrown, CommanderError)) return "USAGE";
  return typeof member(thrown, "code") === "string" ? errorCode(thrown) : "UNEXPECTED";
}

function debugNoteFor(code: string): string {
  return code === "UNEXPECTED" && !debugging() ? "\n(WAYBILL_DEBUG=1 shows where it happened)" : "";
}

function debugging(): boolean {
  return process.env["WAYBILL_DEBUG"] === "1";
}

/** Returns the stacks of an error and of at most five causes, which may form a cycle. */
function stackOf(error: unknown, causes = 5): string {
  const own = errorStack(error) ?? describeError(error);
  const cause = member(error, "cause");
  return cause === undefined || causes === 0 ? own : `${own}\ncaused by: ${stackOf(cause, causes - 1)}`;
}
