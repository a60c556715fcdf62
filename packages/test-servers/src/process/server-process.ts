import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isRoot, removeDataFolder } from "./data-folder.ts";
import { signalTree, stopTree } from "./process-tree.ts";
import type { TestServer } from "./test-server.ts";

export interface ServerProcess {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The user that the server runs as when this process is root; null: the same user. */
  readonly user: string | null;
  /** Removed by `stop`. */
  readonly folder: string;
  /** Default "SIGTERM", at which PostgreSQL would wait for its clients. */
  readonly stopSignal?: NodeJS.Signals;
  readonly isReady: () => Promise<boolean>;
  /** Runs after the process is gone, before the folder is removed. */
  readonly afterStop?: () => Promise<void>;
}

/** RabbitMQ starts in 5 s of a core, and has taken more than a minute on a busy machine. */
const READY_WITHIN_MS = 180_000;
const END_WITHIN_MS = 15_000;
const running = new Map<ChildProcess, string>();

process.on("exit", () => {
  for (const [child, folder] of running) {
    signalTree(child.pid as number, "SIGKILL");
    removeDataFolder(folder);
  }
});

/** Starts a server and resolves once it is ready. The server ends with this process, also when this one is killed. */
export async function startProcess(program: ServerProcess): Promise<TestServer> {
  let child = await launch(program);
  const alive = () => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals) => {
    if (alive()) signalTree(child.pid as number, name);
  };
  async function gone(cause: () => void): Promise<void> {
    child.ref();
    const exited = once(child, "exit");
    cause();
    await exited;
  }
  async function end(): Promise<void> {
    if (!alive()) return;
    const late = setTimeout(() => signal("SIGKILL"), END_WITHIN_MS);
    await gone(() => {
      signal("SIGCONT");
      child.kill(program.stopSignal ?? "SIGTERM");
    });
    clearTimeout(late);
  }
  return {
    name: program.name,
    url: program.url,
    port: program.port,
    get pid() {
      return child.pid as number;
    },
    async stop() {
      await end();
      await program.afterStop?.();
      removeDataFolder(program.folder);
    },
    async kill() {
      if (alive()) await gone(() => signal("SIGKILL"));
    },
    freeze() {
      if (alive()) stopTree(child.pid as number);
    },
    thaw: () => signal("SIGCONT"),
    async restart() {
      await end();
      child = await launch(program);
    },
  };
}

async function launch(program: ServerProcess): Promise<ChildProcess> {
  const [command, args] = asUser(program);
  const child = spawn(command, args, {
    cwd: program.folder,
    env: { ...process.env, ...program.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.set(child, program.folder);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4_000)));
  }
  child.on("error", (error) => (output += error.message));
  child.on("exit", () => running.delete(child));
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!(await program.isReady())) {
    const over = child.pid === undefined || child.exitCode !== null || performance.now() > deadline;
    if (over) throw new Error(`${program.name} does not start on port ${program.port}:\n${output.trim()}`);
    await sleep(25);
  }
  // Pipes of a server must not keep a finished test run alive.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
  return child;
}

/** setpriv makes the kernel end the server when this process is killed; it also changes the user. */
function asUser({ command, args, user }: ServerProcess): [string, string[]] {
  const change = user !== null && isRoot() ? [`--reuid=${user}`, `--regid=${user}`, "--init-groups"] : [];
  return ["setpriv", [...change, "--pdeathsig=KILL", "--", command, ...args]];
}
