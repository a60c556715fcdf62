import { readFileSync } from "node:fs";
import { basename } from "node:path";

export type LaunchKind = "shell" | "script runner" | "watcher" | "process manager";

/** A program that started a process and may keep the platform's SIGTERM from it. */
export interface LaunchFault {
  readonly kind: LaunchKind;
  /** The program, without its arguments: they may hold a password. "npm start", "sh". */
  readonly program: string;
  readonly pid: number;
  readonly message: string;
  /** What to write instead. */
  readonly remedy: string;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly argv: readonly string[];
  /** Whether Ctrl-C in a terminal reaches it. */
  readonly hasTerminal: boolean;
}

/**
 * Finds the program between a process and its platform that may keep SIGTERM from it: a shell, a script runner such as npm,
 * a watcher such as nodemon, or a process manager that waits too short for its end, such as pm2. Returns null where there
 * is none, where it runs in a terminal and is not PID 1, and on systems without /proc. Any other program is taken for a
 * supervisor, which signals what it starts. Never throws.
 */
export function launchFault(pid: number = process.pid): LaunchFault | null {
  const self = read(pid);
  if (self === null || pid === 1) return null;
  const ancestors = ancestorsOf(self);
  const end = ancestors.findIndex(({ argv }) => launchKindOf(argv) === null);
  const between = end === -1 ? ancestors : ancestors.slice(0, end);
  const judged = self.hasTerminal ? [] : between;
  const waitsByChoice = hasVariable(pid, PM2_WAIT);
  const faults = [...judged, ...ancestors.filter((one) => one.pid === 1)]
    .flatMap((one) => faultOf(one, startedBy(self)))
    .filter(({ kind }) => kind !== "process manager" || !waitsByChoice);
  // npm runs its script by a shell: npm is what to replace.
  return faults.find(({ kind }) => kind !== "shell") ?? faults[0] ?? null;
}

/** What was started: how a sentence names it, and its command as the exec form has it. */
interface Started {
  readonly name: string;
  readonly command: readonly string[];
}

const WORKER: Started = { name: "the worker", command: ["worker", "--jobs", "dist/jobs.js"] };
const PUSH: Started = { name: "`waybill push`", command: ["push", "--to", "http://127.0.0.1:3000/work"] };

/** A worker of another program is named as one of ours is. */
const startedBy = ({ argv }: Process): Started => (wordsOf(argv)[1] === "push" ? PUSH : WORKER);

function faultOf({ pid, argv }: Process, started: Started): LaunchFault[] {
  const kind = launchKindOf(argv);
  if (kind === null) return [];
  const program = nameOf(argv);
  const place = pid === 1 ? `is PID 1 and started ${started.name}` : `started ${started.name}`;
  return [
    { kind, program, pid, message: `\`${program}\` ${place}: ${EFFECT[kind](started)}`, remedy: REMEDY[kind](started) },
  ];
}

const EFFECT: Record<LaunchKind, (started: Started) => string> = {
  shell: () => "a shell passes no signal on, so running jobs are killed at shutdown instead of finished or released",
  "script runner": ({ name }) =>
    `it ends before ${name} has drained, or signals it twice, so running jobs are killed or aborted at shutdown`,
  watcher: () => "it is made for development, and may kill running jobs at shutdown",
  "process manager": ({ name }) =>
    `it kills ${name} 1.6 s after it asked it to end, so jobs that run longer are killed at shutdown`,
};

function directly({ command }: Started): string {
  const words = ["node_modules/.bin/waybill", ...command].map((word) => JSON.stringify(word)).join(", ");
  return `in a Dockerfile the exec form, CMD [${words}]; in a unit file ExecStart= without a shell`;
}

const REMEDY: Record<LaunchKind, (started: Started) => string> = {
  shell: (started) =>
    `start the program directly: ${directly(started)}; in a shell script \`exec node_modules/.bin/waybill ${started.command[0]} …\` as the last line`,
  "script runner": (started) =>
    `start the program itself, not by npx or a script of package.json: ${directly(started)}. \`init: true\` does not help`,
  watcher: (started) => `start the program itself: ${directly(started)}`,
  "process manager": () =>
    "give it more time than --drain, --abort and --close together: `pm2 start … --kill-timeout 32000`, or `kill_timeout: 32000` in its ecosystem file; or let systemd start the worker: `waybill systemd` writes its unit",
};

const SHELLS = new Set(["sh", "dash", "bash", "ash", "zsh", "ksh", "fish", "busybox"]);
const SCRIPT_RUNNERS = new Set(
  "npm npx yarn yarnpkg pnpm pnpx bun bunx corepack concurrently npm-run-all run-p run-s turbo nx lerna make nf foreman".split(
    " ",
  ),
);
const PROCESS_MANAGERS = new Set(["pm2", "pm2-runtime", "pm2-docker"]);
/** pm2 passes the settings of an application on as variables of its process: this one only where it was set. */
const PM2_WAIT = "kill_timeout";
const WATCHERS = new Set(["nodemon", "node-dev", "ts-node-dev", "tsnd"]);

/** Returns null for a program that is not known to keep signals from what it starts, and for the shell of a person. */
export function launchKindOf(argv: readonly string[]): LaunchKind | null {
  const [name, ...rest] = wordsOf(argv);
  if (name === undefined) return null;
  if (SHELLS.has(name)) return rest.some((word) => !word.startsWith("-") || word === "-c") ? "shell" : null;
  if (SCRIPT_RUNNERS.has(name)) return "script runner";
  if (PROCESS_MANAGERS.has(name)) return "process manager";
  return WATCHERS.has(name) ? "watcher" : null;
}

/** Returns the name of the program that a command line runs: of `node /usr/bin/npm start`, npm. */
export const launchedName = (argv: readonly string[]): string => wordsOf(argv)[0] ?? "";

/** npm and yarn write "npm start" over their own arguments. Of `node cli.js`, the program is cli.js. */
function wordsOf(argv: readonly string[]): readonly string[] {
  const [program = "", ...rest] = argv.length === 1 ? (argv[0] ?? "").split(" ") : argv;
  const name = programName(program);
  if (!/^node(js)?$/.test(name)) return [name, ...rest];
  const script = rest.findIndex((word) => !word.startsWith("-"));
  return script === -1 ? [name] : [programName(rest[script] ?? ""), ...rest.slice(script + 1)];
}

/** "/usr/lib/node_modules/npm/bin/npm-cli.js" is npm, and "-bash" a bash. */
const programName = (path: string): string =>
  basename(path)
    .replace(/^-/, "")
    // pm2 writes "PM2 v5.3.0: God Daemon (HOME/.pm2)" over its command line.
    .replace(/^PM2$/, "pm2")
    .replace(/(-cli)?\.[cm]?js$/, "");

/** A command line may hold a password, so only its first word is named, and the script of npm. */
function nameOf(argv: readonly string[]): string {
  const [name = "", script] = wordsOf(argv);
  const runs = argv.length === 1 && SCRIPT_RUNNERS.has(name) && /^[\w:.-]+$/.test(script ?? "");
  return runs ? `${name} ${script}` : name;
}

/** Whether a process was started with the variable. False for a process of another user. */
function hasVariable(pid: number, name: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .some((one) => one.startsWith(`${name}=`));
  } catch {
    return false;
  }
}

function ancestorsOf({ parent }: Process): Process[] {
  const found: Process[] = [];
  for (let next = read(parent); next !== null; next = read(next.parent)) found.push(next);
  return found;
}

/** Null for 0, which is the parent of what a container's runtime started, and for a process that has ended. */
function read(pid: number): Process | null {
  if (pid === 0 || process.platform !== "linux") return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may contain any character.
    const [, parent, , , terminal] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      .split("\0")
      .filter((word) => word !== "");
    return { pid, parent: Number(parent), argv, hasTerminal: terminal !== "0" };
  } catch {
    return null;
  }
}
