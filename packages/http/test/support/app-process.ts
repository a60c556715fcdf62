import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface AppProcess {
  readonly port: number;
  /** Null while it runs. */
  exitCode(): number | NodeJS.Signals | null;
  /** In bytes, after a garbage collection: memory of the process, and memory of its objects. */
  memory(): Promise<{ readonly rss: number; readonly heap: number }>;
  /** Resolves once it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface AppOptions {
  readonly secret: string;
  readonly record: Record;
  /** Absent: a free one. */
  readonly port?: number;
  readonly concurrency?: number;
  /** How long a job takes. Absent: 0. */
  readonly runMs?: number;
}

/** Starts `children/app.ts` and resolves once it listens. It ends with this process. */
export async function startApp({
  secret,
  record,
  port = 0,
  concurrency = 5,
  runMs = 0,
}: AppOptions): Promise<AppProcess> {
  const file = fileURLToPath(new URL("./children/app.ts", import.meta.url));
  const child: ChildProcess = fork(file, [port, secret, record.file, concurrency, runMs].map(String), {
    execArgv: ["--conditions=waybill-source", "--expose-gc"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const ask = async (): Promise<Readonly<{ [name: string]: number }>> => {
    const gone = exited.then(() => Promise.reject(new Error(`the application ended with ${child.exitCode}`)));
    const [response] = (await Promise.race([once(child, "message"), gone])) as [{ [name: string]: number }];
    return response;
  };
  const { port: listening = 0 } = await ask();
  return {
    port: listening,
    exitCode: () => child.exitCode ?? child.signalCode,
    async memory() {
      child.send("memory");
      const { rss = 0, heap = 0 } = await ask();
      return { rss, heap };
    },
    async end(signal) {
      child.kill(signal);
      await exited;
    },
  };
}

/** The lines that applications wrote about their jobs, over all their restarts. */
export interface Record {
  readonly file: string;
  started(): readonly { readonly id: string; readonly running: number }[];
  ended(): readonly string[];
  remove(): void;
}

export function newRecord(): Record {
  const folder = mkdtempSync(join(tmpdir(), "waybill-http-"));
  const file = join(folder, "record");
  writeFileSync(file, "");
  const lines = (word: string): string[][] =>
    readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([first]) => first === word);
  return {
    file,
    started: () => lines("start").map(([, id = "", running]) => ({ id, running: Number(running) })),
    ended: () => lines("end").map(([, id = ""]) => id),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
