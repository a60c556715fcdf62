import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, dirname } from "node:path";

export interface Ended {
  readonly output: string;
  /** Or the signal that ended it. */
  readonly code: number | NodeJS.Signals;
}

/** What a stranger's shell has: this Node first, and nothing that npm, the test runner or this repository put there for what runs us. */
const env: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(NODE_OPTIONS|NODE_ENV$|VITEST|INIT_CWD|npm_(package|lifecycle|command|execpath|config_local_prefix))/.test(
        name,
      ),
  ),
);
const inherited = (process.env["PATH"] ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
env["PATH"] = [dirname(process.execPath), ...inherited].join(delimiter);
env["npm_config_update_notifier"] = "false";

export interface Program {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Default 120 s, then it is killed. */
  readonly limitMs?: number;
}

export interface Started {
  /** Sends a signal to every process of the command. */
  readonly end: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Ended>;
  /** Resolves once the output contains the text. */
  readonly heard: (text: string) => Promise<void>;
  readonly output: () => string;
}

/** Runs a program to its end; rejects with all that it printed unless it ends with 0. */
export async function run(command: readonly string[], program: Program): Promise<string> {
  const { output, code } = await startProgram(command, program).ended;
  if (code !== 0) throw new Error(`${command.join(" ")}\nended with ${code}:\n${output}`);
  return output;
}

/** Runs a program to its end, whichever that is. */
export const runToAnyEnd = (command: readonly string[], program: Program): Promise<Ended> =>
  startProgram(command, program).ended;

/** Runs a server while `work` lasts, which begins once `until` is in its output. */
export async function runServer(
  until: string,
  command: readonly string[],
  program: Program,
  work: () => Promise<void>,
): Promise<void> {
  const { end, ended, heard } = startProgram(command, program);
  try {
    const early = await Promise.race([heard(until), ended]);
    if (early) throw new Error(`${command.join(" ")}\nended with ${early.code}:\n${early.output}`);
    await work();
  } finally {
    end("SIGTERM");
    await ended;
  }
}

/** Runs a program that ends when it is told to: once `until` is in its output it gets SIGTERM, and must end with 0. */
export async function runUntil(until: string, command: readonly string[], program: Program): Promise<string> {
  return endedBy("SIGTERM", [0], until, command, program);
}

/** As Nest does: its shutdown hooks end the process by the same signal in the end. */
export async function runUntilItsOwnSigterm(
  until: string,
  command: readonly string[],
  program: Program,
): Promise<string> {
  return endedBy("SIGTERM", [0, "SIGTERM"], until, command, program);
}

/** As a person does in a shell: every process of the command gets SIGINT, of which npx itself may die. */
export async function runUntilCtrlC(until: string, command: readonly string[], program: Program): Promise<string> {
  return endedBy("SIGINT", [0, 130, "SIGINT"], until, command, program);
}

async function endedBy(
  signal: NodeJS.Signals,
  codes: readonly (number | NodeJS.Signals)[],
  until: string,
  command: readonly string[],
  program: Program,
): Promise<string> {
  const { end, ended, heard } = startProgram(command, program);
  await Promise.race([heard(until), ended]);
  end(signal);
  const { output, code } = await ended;
  if (codes.includes(code) && output.includes(until)) return output;
  throw new Error(`${command.join(" ")}\nended with ${code}, having said:\n${output}`);
}

/** Starts a program. Both of its streams are one text, as a person sees them. */
export function startProgram(
  [name = "", ...args]: readonly string[],
  { cwd, env: more = {}, limitMs = 120_000 }: Program,
): Started {
  const child = spawn(name, args, { cwd, env: { ...env, ...more }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  // The group, once it is there: with npx between, the program is a child of the child.
  const end = (signal: NodeJS.Signals): void => void (child.pid !== undefined && kill(-child.pid, signal));
  const timer = setTimeout(() => end("SIGKILL"), limitMs);
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, "close").then(([code, signal]: unknown[]) => {
    clearTimeout(timer);
    return { output, code: (code ?? signal) as Ended["code"] };
  });
  const heard = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (output.includes(text) && resolve());
      listeners.add(look);
      look();
    });
  return { end, ended, heard, output: () => output };
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself; its code and its output say how.
  }
}
