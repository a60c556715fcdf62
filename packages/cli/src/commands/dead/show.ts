import type { Command } from "commander";
import type { DeadLetterRecord } from "@waybill/core";
import { errorText } from "@waybill/core/backend";
import { inspecting, shared, type SharedOptions } from "../../connection.ts";
import { CommandError } from "../../exit.ts";
import { nonEmpty } from "../../options/values.ts";
import { examples } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { span } from "../../output/duration-text.ts";
import { bold } from "../../output/style.ts";

/** The most characters of a body that are printed. */
const LONGEST_BODY = 2_000;

export function deadShowCommand(dead: Command): void {
  const command = dead
    .command("show")
    .argument("<id>", "the job's id, as `waybill dead list` has it", nonEmpty)
    .summary("show one, with the stack and the causes of its error")
    .description("Show one dead letter: its reason, the error with its stack and causes, and the envelope.");
  examples(
    shared(command).action(showDead),
    ["waybill dead show 0199a3c2-…", "where it failed"],
    ["waybill dead show --json 0199a3c2-…", "the same as one line of JSON, with the whole envelope"],
  );
}

async function showDead(id: string, options: SharedOptions): Promise<void> {
  const found = await inspecting(options, (inspector) => inspector.deadLetters({ ids: [id] }));
  if (found.length === 0) {
    throw new CommandError("NOT_FOUND", `no dead letter has the id "${id}"; "waybill dead list" shows those there are`);
  }
  if (options.json) for (const letter of found) printJson(deadJson(letter));
  else printText(found.map(pageOf).join("\n\n"));
}

/** Returns a dead letter as `list --json` and `show --json` print it. */
export function deadJson(letter: DeadLetterRecord): unknown {
  return { ...letter, diedAt: letter.diedAt === null ? null : new Date(letter.diedAt).toISOString() };
}

/** Formats a dead letter as text. */
export function pageOf({ id, type, queue, attempt, diedAt, reason, damage, body }: DeadLetterRecord): string {
  const died = diedAt === null ? "unknown" : `${span(Date.now() - diedAt)} ago, ${new Date(diedAt).toISOString()}`;
  const facts: readonly (readonly [string, string])[] = [
    ["ID", id],
    ["TYPE", type],
    ["QUEUE", queue],
    ["ATTEMPT", String(attempt)],
    ["DIED", died],
    ["WHY", `${reason.code}: ${reason.message}`],
    ...(damage === undefined ? [] : [["DAMAGED", damage] as const]),
  ];
  const cut = body.length > LONGEST_BODY ? `… (cut, ${body.length} characters; --json has them all)` : "";
  return [
    ...facts.map(([name, value]) => `${bold(name.padEnd(7))}  ${value.replaceAll("\n", "\n         ")}`),
    "",
    reason.error === undefined ? "No error was kept with it." : errorText(reason.error),
    "",
    `${body.slice(0, LONGEST_BODY)}${cut}`,
  ].join("\n");
}
