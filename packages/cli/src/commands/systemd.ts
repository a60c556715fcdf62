import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { type Command, Option } from "commander";
import { type Duration, toError } from "@waybill/core";
import { CommandError, UsageError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { duration } from "../options/values.ts";
import { type CommandLine, optionOf, parseCommandLine, programIn } from "../systemd/command-line.ts";
import { account, unitFileName, unitName } from "../systemd/escape.ts";
import { type StopLimits, stopSeconds } from "../systemd/stop-limit.ts";
import { dropInFile, type KillMode, type Stopping, unitFile } from "../systemd/unit.ts";

interface Options extends StopLimits {
  readonly name?: string;
  readonly dropIn?: string;
  readonly exec?: string;
  readonly user?: string;
  readonly group?: string;
  readonly directory?: string;
  readonly environmentFile: readonly string[];
  readonly after: readonly string[];
  readonly killMode: KillMode;
  readonly out?: string;
  readonly json?: true;
}

export function systemdCommand(program: Command): void {
  const each = (text: string, before: readonly string[]): string[] => [...before, text];
  const command = program
    .command("systemd")
    .summary("write a unit file, or a drop-in for a unit that a platform writes")
    .description(
      "Write a systemd unit for a worker, or a drop-in for an existing unit, so that at a shutdown the worker ends before the network does.",
    )
    .option("--name <name>", "write the unit of this name")
    .option("--drop-in <unit>", "write a drop-in for this unit instead: web.service")
    .option("--exec <command>", "what to start, without a shell; of a drop-in: in place of what the unit starts")
    .option("--user <name>", "the user to run as")
    .option("--group <name>", "the group to run as (default: that of the user)")
    .option("--directory <path>", "the working directory, absolute; a relative program is looked up there")
    .option("--environment-file <path>", "a file with environment variables, absolute; may be repeated", each, [])
    .option(
      "--after <unit>",
      "a unit of this machine that the worker needs until its end: redis-server.service; may be repeated",
      each,
      [],
    )
    .addOption(
      new Option("--kill-mode <mode>", "who gets SIGTERM: the program, or every process of the unit")
        .choices(["mixed", "control-group"])
        .default("mixed"),
    )
    .option("--drain <duration>", "the worker's --drain, unless --exec has it", duration, "20s")
    .option("--abort <duration>", "the worker's --abort, unless --exec has it", duration, "4s")
    .option("--close <duration>", "the worker's --close, unless --exec has it", duration, "3s")
    .option("--out <folder>", "write the file into this folder, such as /etc/systemd/system (default: print it)")
    .option("--json", "print JSON; errors too, on stderr");
  examples(
    command.action((options: Options) => systemd(options, command)),
    [
      'waybill systemd --name mailer --user app --directory /srv/app --exec "node_modules/.bin/waybill worker --jobs dist/jobs.js"',
      "print a unit",
    ],
    ["waybill systemd --drop-in web.service --out /etc/systemd/system", "for a unit that Elastic Beanstalk writes"],
  );
  section(
    command,
    "Limits",
    "TimeoutStopSec= is the sum of drain, abort and close, and 5 s. `$` and `%` in --exec are passed on as they are.",
  );
}

interface Written {
  /** Within /etc/systemd/system. */
  readonly path: string;
  readonly text: string;
}

function systemd(options: Options, command: Command): void {
  const file = options.dropIn === undefined ? unit(options, command) : dropIn(options, options.dropIn, command);
  const place = options.out === undefined ? null : join(options.out, file.path);
  const isNew = place !== null && write(place, file.text);
  if (options.json) printJson({ ...file, written: isNew });
  else if (place === null) printText(file.text.trimEnd());
  else printText(`${isNew ? "wrote" : "unchanged"}  ${place}\nNext: ${nextStep(options, file)}`);
}

/** A drop-in is in force at the next stop; a unit has to be started as well. */
function nextStep(options: Options, { path }: Written): string {
  const reload = "systemctl daemon-reload";
  if (options.dropIn !== undefined) return reload;
  return `${reload} && systemctl enable --now ${path.replace(/\.service$/, "").replace(/@$/, "@1")}`;
}

function unit(options: Options, command: Command): Written {
  const { user, directory, group, environmentFile } = options;
  const name = unitFileName(needed(options.name, "--name, or --drop-in for a unit that is there already"), "--name");
  const words = parseCommandLine(needed(options.exec, "--exec: what to start"));
  const text = unitFile({
    ...stopping(options, words, command),
    name,
    command: words,
    user: account(needed(user, "--user: the user to run as"), "--user"),
    group: group === undefined ? null : account(group, "--group"),
    directory: needed(directory, "--directory: the folder of the application, absolute"),
    environmentFiles: environmentFile,
  });
  return { path: name, text };
}

function dropIn(options: Options, of: string, command: Command): Written {
  const name = unitFileName(of, "--drop-in");
  const useless = (["name", "user", "group", "environmentFile"] as const).find(
    (one) => command.getOptionValueSource(one) === "cli",
  );
  if (useless !== undefined) {
    const flag = useless.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag} belongs to a unit, and --drop-in changes only how ${name} stops; keep one of them`);
  }
  const { exec, directory = "" } = options;
  const words = exec === undefined ? null : parseCommandLine(exec);
  const start: CommandLine | null = words && [programIn(directory, words[0]), ...words.slice(1)];
  if (start !== null && start[0].includes("/") && !isAbsolute(start[0])) {
    throw new UsageError(`--exec starts ${start[0]}, a relative path; give --directory, or an absolute path`);
  }
  const text = dropInFile({ ...stopping(options, words ?? ["the unit's own"], command), command: start });
  return { path: join(`${name}.d`, "50-waybill.conf"), text };
}

function stopping({ killMode, after, ...limits }: Options, words: CommandLine, command: Command): Stopping {
  const limit = (name: keyof StopLimits): Duration => {
    const said = optionOf(words, `--${name}`);
    if (said === null) return limits[name];
    if (command.getOptionValueSource(name) === "cli")
      throw new UsageError(`--exec has --${name} already; keep one of them`);
    return durationIn(said, name);
  };
  return {
    killMode,
    after: after.map((one) => unitName(one, "--after")),
    stopSeconds: stopSeconds({ drain: limit("drain"), abort: limit("abort"), close: limit("close") }),
  };
}

function durationIn(text: string, name: string): Duration {
  try {
    return duration(text);
  } catch (thrown) {
    throw new UsageError(`--exec has --${name} ${text}: ${toError(thrown).message}`, { cause: thrown });
  }
}

function needed(value: string | undefined, what: string): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError(`give ${what}`);
}

/** Writes a new file. Returns false if it is there already with this text. Throws for one with another text. */
function write(place: string, text: string): boolean {
  if (existsSync(place)) {
    if (readFileSync(place, "utf8") === text) return false;
    throw new UsageError(`${place} is there and differs; remove it first, or print the new text by leaving out --out`);
  }
  try {
    // Not `recursive`, which never ends below /proc.
    for (const folder of [dirname(dirname(place)), dirname(place)]) if (!existsSync(folder)) mkdirSync(folder);
    writeFileSync(place, text, { flag: "wx" });
    return true;
  } catch (thrown) {
    throw new CommandError("NOT_WRITTEN", `${place} cannot be written: ${toError(thrown).message}`, { cause: thrown });
  }
}
