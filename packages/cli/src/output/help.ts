import type { Command } from "commander";
import { bold, dim } from "./style.ts";

/** A command line, and what it does. */
export type Example = readonly [command: string, meaning: string];

/** Appends examples to a command's help. */
export function examples(command: Command, ...list: readonly Example[]): Command {
  const width = Math.max(...list.map(([line]) => line.length));
  const lines = list.map(([line, meaning]) => `  ${line.padEnd(width)}  ${dim(meaning)}`);
  return command.addHelpText("after", `\n${bold("Examples:")}\n${lines.join("\n")}`);
}

/** Appends a titled section to a command's help. */
export function section(command: Command, title: string, ...lines: readonly string[]): Command {
  return command.addHelpText("after", `\n${bold(`${title}:`)}\n${lines.map((line) => `  ${line}`).join("\n")}`);
}
