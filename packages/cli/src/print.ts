import { describeError, toError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { errorCode, errorStack, harmlessJson, isInstance, member } from "@waybill/core/door";
import { CommanderError } from "commander";
import { harmlessLines, red } from "./style.ts";

/** One line of text for a person. */
export function printText(text: string): void {
  process.stdout.write(`${harmlessLines(text)}\n`);
}

/** One JSON value on one line, for a machine. */
export function printJson(value: unknown): void {
  process.stdout.write(`${harmlessJson(value)}\n`);
}

/**
 * One line on stderr; the stack only for WAYBILL_DEBUG=1, since a user can do nothing with it. Arguments of the command
 * line that are URLs are masked in it: the parser repeats what it finds in the wrong place, a password too.
 */
export function printError(thrown: unknown, json: boolean, argv: readonly string[]): void {
  const error = toError(thrown);
  const urls = argv
    .filter((argument) => /[/@]|%(?:2f|3a|40)|password/i.test(argument))
    // Texts of errors are kept without control characters.
    .flatMap((argument) => [argument, argument.replaceAll(/(?![\t\n\r])\p{Cc}/gu, "\ufffd")]);
  const masked = (text: string): string => urls.reduce((all, url) => all.replaceAll(url, () => maskUrl(url)), text);
  const code = codeOf(error);
  const message = masked(error.message.replace(/^error: /, "")).trim();
  process.stderr.write(
    json
      ? `${harmlessJson({ error: { code, message } })}\n`
      : `${red("error:")} ${harmlessLines(message)}${hintFor(code)}\n`,
  );
  if (debugging()) process.stderr.write(`${harmlessLines(masked(stackOf(error)))}\n`);
}

function codeOf(thrown: unknown): string {
  if (isInstance(thrown, CommanderError)) return "USAGE";
  return typeof member(thrown, "code") === "string" ? errorCode(thrown) : "UNEXPECTED";
}

function hintFor(code: string): string {
  return code === "UNEXPECTED" && !debugging() ? "\n(WAYBILL_DEBUG=1 shows where it happened)" : "";
}

function debugging(): boolean {
  return process.env["WAYBILL_DEBUG"] === "1";
}

/** The stacks of an error and its causes, of which there may be a circle. */
function stackOf(error: unknown, causes = 5): string {
  const own = errorStack(error) ?? describeError(error);
  const cause = member(error, "cause");
  return cause === undefined || causes === 0 ? own : `${own}\ncaused by: ${stackOf(cause, causes - 1)}`;
}
