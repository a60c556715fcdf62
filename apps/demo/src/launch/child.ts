import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ChildOptions {
  readonly name: "web" | "worker" | "pusher";
  readonly env: NodeJS.ProcessEnv;
  /** Gets `NAME.ndjson` (its stdout) and `NAME.err.log`; both grow over restarts. */
  readonly logFolder: string;
  readonly onMessage?: (message: unknown) => void;
  /** After each start, the first included. */
  readonly onStart?: (pid: number) => void;
  /** When it ended without having been asked to; it starts again `RESTART_MS` later. */
  readonly onDeath?: (pid: number, how: string) => void;
  /** It ends at once each time it is started: no further start will help. */
  readonly onHopeless: (error: Error) => void;
}

/** A process that is started again whenever it dies. */
export interface Child {
  start(): void;
  send(message: object): void;
  /** SIGKILL, as a crash would. It starts again. */
  crash(): void;
  /** SIGTERM, for good; again: the signal once more. Resolves when the process is gone. */
  stop(): Promise<void>;
  /** For the last way out: SIGKILL, for good. */
  destroy(): void;
}

const RESTART_MS = 200;
/** A start that ends by itself within this time has failed; after three in a row nobody tries again. */
const FAILED_MS = 5_000;

export function superviseChild(options: ChildOptions): Child {
  const entry = fileURLToPath(new URL(`../${options.name}${extname(import.meta.url)}`, import.meta.url));
  const errorPath = join(options.logFolder, `${options.name}.err.log`);
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isStopping = false;
  let failures = 0;
  /** Told when the process is gone: a second signal asks a second time. */
  const waiting: (() => void)[] = [];

  function start(): void {
    timer = null;
    const startedAt = Date.now();
    const out = openSync(join(options.logFolder, `${options.name}.ndjson`), "a");
    const err = openSync(errorPath, "a");
    // A group of its own, so that Ctrl-C in a terminal reaches the launcher alone, which then stops things in order.
    const args = [...process.execArgv, entry];
    const stdio: ("ignore" | "ipc" | number)[] = ["ignore", out, err, "ipc"];
    const started = spawn(process.execPath, args, { env: options.env, stdio, detached: true });
    closeSync(out);
    closeSync(err);
    child = started;
    const { pid } = started;
    if (options.onMessage) started.on("message", options.onMessage);
    started.once("error", options.onHopeless);
    started.once("exit", (code, signal) => ended(pid ?? 0, code, signal, Date.now() - startedAt));
    if (pid !== undefined) options.onStart?.(pid);
  }

  function ended(pid: number, code: number | null, signal: NodeJS.Signals | null, livedMs: number): void {
    child = null;
    for (const tell of waiting.splice(0)) tell();
    if (isStopping) return;
    options.onDeath?.(pid, signal ?? `exit code ${code}`);
    failures = signal === null && livedMs < FAILED_MS ? failures + 1 : 0;
    if (failures < 3) timer = setTimeout(start, RESTART_MS);
    else options.onHopeless(new Error(`the ${options.name} process cannot start:\n${lastLines(errorPath)}`));
  }

  return {
    start,
    send(message) {
      if (child?.connected) child.send(message);
    },
    crash: () => void child?.kill("SIGKILL"),
    stop() {
      isStopping = true;
      if (timer) clearTimeout(timer);
      const running = child;
      if (running === null) return Promise.resolve();
      running.kill("SIGTERM");
      return new Promise((resolve) => waiting.push(resolve));
    },
    destroy() {
      isStopping = true;
      child?.kill("SIGKILL");
    },
  };
}

function lastLines(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-12).join("\n");
}
