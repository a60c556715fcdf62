import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { readLedger } from "../src/ledger.ts";

/** The build, not the sources: Node runs TypeScript, but not the decorators that Nest needs to find handlers. */
const LAUNCHER = fileURLToPath(new URL("../dist/launch.js", import.meta.url));

/** A running launcher. */
export interface Running {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  readonly exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

const { PATH = "", HOME = "", NODE_COMPILE_CACHE = "" } = process.env;

/** Starts the demo as `npm run demo` does once it is built, with only the given environment. */
export function launch(args: readonly string[], env: Record<string, string>): Running {
  if (!existsSync(LAUNCHER)) throw new Error("the demo is not built: npm run build");
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { PATH, HOME, NODE_COMPILE_CACHE, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const exited = new Promise<number | null>((settle) => child.once("close", settle));
  return {
    pid: child.pid ?? 0,
    stdout: () => out,
    stderr: () => err,
    exited,
    kill: (signal) => void child.kill(signal),
  };
}

/** Starts the demo with its page. Returns it with the address that it printed. */
export async function launchPage(
  folder: string,
  env: Record<string, string> = {},
): Promise<Running & { address: string }> {
  const running = launch([], { DEMO_DATA: folder, PORT: "0", ...env });
  const address = await until("the address", () => /Open (http:\S+)/.exec(running.stdout())?.[1]);
  return { ...running, address };
}

export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = resolve(await mkdtemp(join(tmpdir(), "waybill-demo-")));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Polls until the result is neither null, undefined nor false. Throws after `limitMs`. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 60_000,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const result = await ask();
    if (result !== null && result !== undefined && result !== false)
      return result as Exclude<T, null | undefined | false>;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${limitMs} ms`);
    await sleep(20);
  }
}

/** One line of a process's log. */
export interface LogLine {
  readonly at: string;
  readonly event: string;
  readonly id?: string;
  readonly type?: string;
  readonly worker?: string;
  readonly outcome?: string;
  readonly attempt?: number;
  readonly lost?: number;
  readonly pid?: number;
  readonly concurrency?: number;
  readonly [field: string]: unknown;
}

export function readLog(folder: string, name: "web" | "worker" | "pusher"): Promise<LogLine[]> {
  return readLedger<LogLine>(join(folder, "log", `${name}.ndjson`));
}

/** The last line of stdout, which `--once` promises to be JSON. */
export function lastJson(running: Running): Record<string, unknown> {
  return JSON.parse(running.stdout().trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

/** Lists every unfinished file below the folder. */
export async function temporaryFiles(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".tmp"));
}
