import { createProgram } from "../packages/cli/src/program.ts";

/** Splits a command line as a shell does, as far as the pages need it. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/['"]/g, ""));

/** The command itself, with every subcommand. */
export const programs = createProgram();

/** What is wrong with a command line; null: nothing. */
export function faultOf(words: readonly string[]): string | null {
  let command = programs;
  let left = words.slice(1);
  for (;;) {
    const next = command.commands.find((one) => one.name() === left[0] || one.aliases().includes(left[0] ?? ""));
    if (next === undefined) break;
    command = next;
    left = left.slice(1);
  }
  // A text that keys are derived from, in spec/1.0/signing.md.
  if (words.join(" ") === "waybill request") return null;
  if (command === programs) return left[0]?.startsWith("-") ? null : `there is no command ${left[0]}`;
  let given = 0;
  for (let at = 0; at < left.length; at += 1) {
    const [name = "", value] = (left[at] ?? "").split(/=(.*)/s);
    if (!name.startsWith("-") || name === "-") {
      given += 1;
      continue;
    }
    const option = command
      .createHelp()
      .visibleOptions(command)
      .find(({ long, short }) => long === name || short === name);
    if (option === undefined) return `${command.name()} has no ${name}`;
    if (option.required && value === undefined) {
      at += 1;
      if (left[at] === undefined) return `${name} has no value`;
    }
  }
  const takes = command.registeredArguments;
  const most = takes.some(({ variadic }) => variadic) ? Infinity : takes.length;
  if (command.commands.length > 0 && left[0] !== undefined && !left[0].startsWith("-")) return `there is no ${left[0]}`;
  return given > most ? `${command.name()} takes ${most} arguments, not ${given}` : null;
}
