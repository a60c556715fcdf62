import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A program of this folder in a process of its own. */
export interface Running {
  readonly pid: number;
  /** Log lines so far, parsed. */
  readonly lines: { readonly event: string; readonly [field: string]: unknown }[];
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

export type Program =
  | "worker"
  | "scheduler"
  | "run-once"
  | "producer"
  | "script"
  | "application"
  | "push"
  | "chaos/worker"
  | "chaos/producer"
  | "limits/worker"
  | "unique/worker"
  | "unique/producer"
  | "flows/worker"
  | "flows/producer"
  | "clock/producer";

export function start(program: Program, ...args: string[]): Running {
  return startWith({}, program, ...args);
}

const alive = new Set<ChildProcess>();
// None outlives the run that started it, however that ends.
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export interface StartOptions {
  /** For Node. With any, what the process says of its own death is not shown. */
  readonly flags?: readonly string[];
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export function startWith({ flags = [], env = {} }: StartOptions, program: Program, ...args: string[]): Running {
  const file = fileURLToPath(new URL(`./${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=waybill-source", "--no-warnings", ...flags, file, ...args], {
    stdio: ["ignore", "pipe", flags.length > 0 ? "ignore" : "inherit"],
    env: { ...process.env, ...env },
  });
  alive.add(child);
  child.once("close", () => alive.delete(child));
  const lines: Running["lines"] = [];
  collectLines(child, (line) => lines.push(JSON.parse(line) as Running["lines"][number]));
  return {
    pid: child.pid ?? 0,
    lines,
    ended: once(child, "close").then(([code, signal]: unknown[]) => (code as number | null) ?? String(signal)),
    kill: (signal) => void child.kill(signal),
  };
}

function collectLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) take(line);
  });
}

/**
 * Polls until `test` gives something, and fails with `what` after `limitMs`. By default that is long enough for a machine
 * busy with something else: what is promised sooner says so.
 */
export async function eventually<T>(
  test: () => T | null | undefined | false,
  what: string,
  limitMs = 90_000,
): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    const before = performance.now();
    const found = test();
    if (found) return found;
    const now = performance.now();
    if (now > until) throw new Error(`${what}: not within ${limitMs} ms`);
    // Reading a long record over and over would take a core from those who write it.
    await new Promise((resolve) => setTimeout(resolve, Math.max(10, 3 * (now - before))));
  }
}
