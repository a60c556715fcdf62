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
  /** Called when the process ends without `stop`. It is restarted after `RESTART_MS`. */
  readonly onDeath?: (pid: number, how: string) => void;
  /** Called when three starts in a row have failed. The process is not restarted again. */
  readonly onStartFailure: (error: Error) => void;
  /** Whether a failed start does not count now, because the backend is known to be away. */
  readonly isExcused?: () => boolean;
}

/** A process that is restarted whenever it dies. */
export interface Child {
  start(): void;
  send(message: object): void;
  /** Sends SIGKILL, to simulate a crash. The process is restarted. */
  crash(): void;
  /** Sends SIGTERM and stops restarting. Each call sends the signal again. Resolves when the process has ended. */
  stop(): Promise<void>;
  /** Sends SIGKILL and stops restarting. */
  destroy(): void;
}

const RESTART_MS = 200;
/** A process that exits by itself within this time counts as a failed start; three in a row are the last. */
const FAILED_MS = 5_000;

export function superviseChild(options: ChildOptions): Child {
  const entry = fileURLToPath(new URL(`../${options.name}${extname(import.meta.url)}`, import.meta.url));
  const errorPath = join(options.logFolder, `${options.name}.err.log`);
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isStopping = false;
  let failures = 0;
  /** Resolves the pending calls of `stop`; a second signal adds a second call. */
  const pendingStops: (() => void)[] = [];

  function start(): void {
    timer = null;
    const startedAt = Date.now();
    const out = openSync(join(options.logFolder, `${options.name}.ndjson`), "a");
    const err = openSync(errorPath, "a");
    // `detached`: a process group of its own, so that Ctrl-C reaches only the launcher, which stops all in order.
    const args = [...process.execArgv, entry];
    const stdio: ("ignore" | "ipc" | number)[] = ["ignore", out, err, "ipc"];
    const started = spawn(process.execPath, args, { env: options.env, stdio, detached: true });
    closeSync(out);
    closeSync(err);
    child = started;
    const { pid } = started;
    if (options.onMessage) started.on("message", options.onMessage);
    started.once("error", options.onStartFailure);
    started.once("exit", (code, signal) => ended(pid ?? 0, code, signal, Date.now() - startedAt));
    if (pid !== undefined) options.onStart?.(pid);
  }

  function ended(pid: number, code: number | null, signal: NodeJS.Signals | null, livedMs: number): void {
    child = null;
    for (const resolve of pendingStops.splice(0)) resolve();
    if (isStopping) return;
    options.onDeath?.(pid, signal ?? `exit code ${code}`);
    const isFailure = signal === null && livedMs < FAILED_MS && options.isExcused?.() !== true;
    failures = isFailure ? failures + 1 : 0;
    if (failures < 3) timer = setTimeout(start, RESTART_MS);
    else options.onStartFailure(new Error(`the ${options.name} process cannot start:\n${lastLines(errorPath)}`));
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
      return new Promise((resolve) => pendingStops.push(resolve));
    },
    destroy() {
      isStopping = true;
      child?.kill("SIGKILL");
    },
  };
}

function lastLines(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-30).join("\n");
}
