import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { freePort } from "@waybill/test-servers";
import { type Keys, rotatingKeys, statusOfUnproven, untilListening } from "./receiving.ts";

/** How the receiver of one language is started. */
export interface ReceiverProgram {
  readonly fence: string;
  readonly file: string;
  /** `port` is in the environment as PORT too. */
  readonly command: (port: number) => readonly string[];
  /** Null: it can be started here. */
  readonly missing: () => string | null;
}

function without(name: string, ...command: readonly [string, ...string[]]): () => string | null {
  const [program, ...args] = command;
  return () => (spawnSync(program, args).status === 0 ? null : `${name} is not on this machine`);
}

/** Those that run without a compiler. */
export const scriptedReceivers: Readonly<Record<string, ReceiverProgram>> = {
  Python: {
    fence: "python",
    file: "receiver.py",
    command: () => ["python3", "receiver.py"],
    missing: without("python3", "python3", "--version"),
  },
  Ruby: {
    fence: "ruby",
    file: "config.ru",
    command: (port) => ["rackup", "-q", "-s", "webrick", "-o", "127.0.0.1", "-p", String(port)],
    missing: without("ruby with rack and webrick", "ruby", "-e", 'require "rack"; require "webrick"'),
  },
  PHP: {
    fence: "php",
    file: "receiver.php",
    command: (port) => ["php", "-S", `127.0.0.1:${port}`, "receiver.php"],
    missing: without("php", "php", "--version"),
  },
};

export interface Running {
  readonly origin: string;
  readonly env: Readonly<Record<string, string>>;
  readonly keys: Keys;
  stop(): Promise<void>;
}

/** Starts it in `folder`, where its file is, with temporary files of its own; resolves once it listens. */
export async function startReceiver(
  program: ReceiverProgram,
  folder: string,
  keys: Keys = rotatingKeys(),
): Promise<Running> {
  const port = await freePort();
  const env = { PORT: String(port), WAYBILL_KEYS: keys.given, TMPDIR: folder };
  const [command = "", ...args] = program.command(port);
  const child: ChildProcess = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, detached: true });
  let output = "";
  let ended: string | null = null;
  child.stdout?.on("data", (text) => (output += text));
  child.stderr?.on("data", (text) => (output += text));
  child.once("error", (error) => (ended = error.message));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      ended ??= output;
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    // Some start another process that does the work.
    if (child.pid !== undefined && ended === null) process.kill(-child.pid, "SIGKILL");
    await exited;
  };
  const origin = `http://127.0.0.1:${port}`;
  try {
    await untilListening(`${origin}/work`, () => ended);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { origin, env, keys, stop };
}

/**
 * Whether it never runs a job whose signature anybody can make: started with a secret without bytes, it ends at once, or
 * it refuses what is signed by none.
 */
export async function refusesEmptySecret(program: ReceiverProgram, folder: string): Promise<boolean> {
  const keys = { given: "whsec_", signing: "" };
  const running = await startReceiver(program, folder, keys).catch(() => null);
  if (running === null) return true;
  try {
    return (await statusOfUnproven(running.origin)) >= 400;
  } finally {
    await running.stop();
  }
}
