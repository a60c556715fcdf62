import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
export const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}.ts`, import.meta.url));

const folders: string[] = [];
const children: ChildProcessWithoutNullStreams[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of the test's own, with the URL of a database file in it that is not there yet. */
export function freshPlace(): { folder: string; url: string; env: Record<string, string> } {
  const folder = mkdtempSync(join(tmpdir(), "waybill-cli-"));
  folders.push(folder);
  const url = `sqlite:${join(folder, "jobs.db")}`;
  return { folder, url, env: { WAYBILL_URL: url, TRACE: join(folder, "trace"), FIXED: join(folder, "fixed") } };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** Whole lines so far. */
  readonly stdout: () => string;
}

/** The arguments that make Node run the command from its sources. */
export const nodeArguments = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning", main] as const;

const { PATH = "", NODE_COMPILE_CACHE = "" } = process.env;

/**
 * Starts the real command, or `wrapper` with the command behind it. The environment is the test's own: no WAYBILL_
 * or NODE_ENV of the caller leaks in.
 */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
  cwd = process.cwd(),
): Running {
  return startProgram([...wrapper, process.execPath, ...nodeArguments, ...args], env, cwd);
}

/** Starts any command line as `start` does. */
export function startProgram(
  [file = "", ...rest]: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd = process.cwd(),
): Running {
  const child = spawn(file, rest, { cwd, env: { PATH, NODE_COMPILE_CACHE, ...env } });
  children.push(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, ended, stdout: () => stdout.slice(0, stdout.lastIndexOf("\n") + 1) };
}

/** Runs the command to its end. */
export function waybill(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; stdin?: string; cwd?: string } = {},
): Promise<Ended> {
  const { child, ended } = start(args, options.env, [], options.cwd);
  child.stdin.end(options.stdin ?? "");
  return ended;
}

export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** What it has logged so far. */
export const linesOf = (running: Running): Record<string, unknown>[] => jsonLines(running.stdout());

/** Looks every 20 ms until `look` gives something, for at most `limitMs`. */
export async function until<T>(what: string, look: () => T | null | undefined | false, limitMs = 60_000): Promise<T> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    const seen = look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what} did not happen within ${limitMs} ms`);
}
