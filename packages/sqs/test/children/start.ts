import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const program = fileURLToPath(new URL("run.ts", import.meta.url));
const running = new Set<ChildProcess>();

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

export interface Child {
  /** Whole lines the child has written so far. */
  lines(): string[];
  /** Resolves with the first `count` lines; rejects if the child ends before. */
  firstLines(count: number): Promise<string[]>;
  /** Default SIGKILL. */
  kill(signal?: NodeJS.Signals): void;
  /** Resolves with the exit code, null when killed. */
  readonly ended: Promise<number | null>;
}

/** Another process on the same queues; killed after the file's tests if it still runs. */
export function start(role: string, url: string, options: Readonly<Record<string, string | number>> = {}): Child {
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, ["--conditions=waybill-source", program, role, url, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  let written = "";
  const changed = new EventTarget();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    changed.dispatchEvent(new Event("change"));
  });
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    changed.dispatchEvent(new Event("change"));
    return code as number | null;
  });
  const lines = (): string[] => written.split("\n").slice(0, -1);
  return {
    lines,
    ended,
    kill: (signal = "SIGKILL") => void child.kill(signal),
    async firstLines(count) {
      while (lines().length < count) {
        if (!running.has(child)) throw new Error(`"${role}" ended after ${lines().length} of ${count} lines`);
        await once(changed, "change");
      }
      return lines().slice(0, count);
    },
  };
}
