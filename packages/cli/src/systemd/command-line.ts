import { isAbsolute, join } from "node:path";
import { UsageError } from "../exit.ts";
import { launchedName, type LaunchKind, launchKindOf } from "../launch-form.ts";

/** What `--exec` starts: the program first. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** Splits `--exec` as a shell splits words, with quotes and backslashes. Throws `UsageError` for what only a shell can run. */
export function parseCommandLine(text: string): CommandLine {
  if (CONTROL.test(text)) {
    throw new UsageError(
      "--exec contains a line break or another control character, which a unit file cannot hold; write the command in one line",
    );
  }
  const words = wordsOf(text);
  const [program, ...args] = words;
  if (program === undefined || program === "") throw new UsageError("--exec is empty; write the command line to start");
  if (/^\w+=/.test(program)) {
    throw new UsageError(
      `--exec begins with the variable ${program.replace(/=.*/s, "")}; put it into a file and give --environment-file`,
    );
  }
  const kind = launchKindOf(words);
  if (kind !== null) {
    throw new UsageError(
      `--exec starts ${launchedName(words)}, a ${kind}, ${HINDERS[kind]}; write the program itself: node_modules/.bin/waybill worker --jobs dist/jobs.js`,
    );
  }
  return [program, ...args];
}

/** Other than a tab, which separates words as a space does. */
const CONTROL = /[^\P{Cc}\t]/u;

const HINDERS: Readonly<Record<LaunchKind, string>> = {
  shell: "which keeps SIGTERM from the worker",
  "script runner": "which keeps SIGTERM from the worker",
  watcher: "which keeps SIGTERM from the worker",
  "process manager": "which keeps the worker out of systemd's hands",
};

/** One quoted or unquoted piece of a word. A backslash escapes the next character, except within single quotes. */
const PIECE = /'([^']*)'|"((?:[^"\\]|\\.)*)"|((?:[^\s'"\\]|\\.)+)/gsy;

function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length;) {
    const space = /\s*/y;
    space.lastIndex = at;
    at += space.exec(text)?.[0].length ?? 0;
    if (at >= text.length) break;
    let word = "";
    PIECE.lastIndex = at;
    for (let piece = PIECE.exec(text); piece !== null; piece = PIECE.exec(text)) {
      at = PIECE.lastIndex;
      const [, single, double, bare] = piece;
      if (bare !== undefined) assertNoShell(bare);
      word +=
        single ?? (double === undefined ? bare?.replaceAll(/\\(.)/gs, "$1") : double.replaceAll(/\\(["\\$`])/g, "$1"));
    }
    if (at < text.length && !/\s/.test(text[at] ?? "")) {
      throw new UsageError(`--exec has a quote or a backslash without its end: ${text.slice(at)}`);
    }
    words.push(word);
  }
  return words;
}

function assertNoShell(bare: string): void {
  const operator = /[|&;<>()`]|\$\(/.exec(bare.replaceAll(/\\./gs, ""))?.[0];
  if (operator === undefined) return;
  throw new UsageError(
    `--exec contains ${operator}, which only a shell understands, and systemd starts programs without one; quote it if it belongs to an argument`,
  );
}

/** Returns the program by an absolute path if it is a relative one, which systemd refuses. A bare name is looked up by systemd. */
export const programIn = (directory: string, program: string): string =>
  program.includes("/") && !isAbsolute(program) ? join(directory, program) : program;

/** Whether it runs `waybill worker` or `waybill push`, directly or by node. */
export function isWaybillWorker(words: CommandLine): boolean {
  const at = words.findIndex((word) => /(^|\/)waybill$/.test(word));
  return at !== -1 && ["worker", "push"].includes(words[at + 1] ?? "");
}

/** Returns the value of an option of the command line, as "--drain 30s" or "--drain=30s"; null if it is not there. */
export function optionOf(words: CommandLine, name: string): string | null {
  const at = words.findLastIndex((word) => word === name || word.startsWith(`${name}=`));
  const word = words[at];
  if (word === undefined) return null;
  return word === name ? (words[at + 1] ?? "") : word.slice(name.length + 1);
}
