import { createProgram } from "../../packages/cli/src/program.ts";

type Command = ReturnType<typeof createProgram>;
type Option = Command["options"][number];

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").trim();

/** What an option says in the help, with its choices, its default and its variable. */
function meaningOf(option: Option): string {
  const { description, argChoices, defaultValue, defaultValueDescription, envVar } = option;
  const choices = argChoices === undefined ? "" : `; one of ${argChoices.map((one) => `\`${one}\``).join(", ")}`;
  const value: unknown = defaultValueDescription ?? defaultValue;
  const isShown = value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `${description}${choices}${isShown ? `; default \`${text}\`` : ""}${envVar === undefined ? "" : `; or \`${envVar}\``}`;
}

function usageOf(path: readonly string[], command: Command): string {
  const takes = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
  return [...path, ...takes].join(" ");
}

function sectionOf(path: readonly string[], command: Command): string {
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help");
  const rows = options.map((option) => `| \`${cell(option.flags)}\` | ${cell(meaningOf(option))} |\n`).join("");
  const args = command.registeredArguments
    .filter(({ description }) => description !== "")
    .map((one) => `| \`${one.required ? `<${one.name()}>` : `[${one.name()}]`}\` | ${cell(one.description)} |\n`)
    .join("");
  const table = rows === "" && args === "" ? "" : `| | |\n|---|---|\n${args}${rows}\n`;
  return `\`${usageOf(path, command)}\`\n\n${command.description()}\n\n${table}`;
}

/** A command's section, or one for each of its subcommands under its own heading. */
function sectionsOf(path: readonly string[], command: Command): string {
  const heading = `${"#".repeat(path.length)} ${path.join(" ")}\n\n`;
  if (command.commands.length === 0) return `${heading}${sectionOf(path, command)}`;
  return `${heading}${command.description()}\n\n${command.commands.map((one) => sectionsOf([...path, one.name()], one)).join("")}`;
}

/** Returns docs/commands.md: every command with every option, as `--help` prints them. */
export function commandsPage(): string {
  const program = createProgram();
  const sections = program.commands.map((one) => sectionsOf(["waybill", one.name()], one));
  return `# Every command and option

<!-- Made by scripts/generate-reference-pages.ts from the command; \`npm run check\` says when it is out of date. -->

What \`--help\` of each command prints, for all commands. [The command's page](../packages/cli/README.md) explains how they belong together, the exit codes and
the settings in \`package.json\`. Durations have a unit: \`500ms\`, \`5s\`, \`10m\`, \`2h\`, \`7d\`. \`--help\` is an option of every command.

${sections.join("").trimEnd()}
`;
}
