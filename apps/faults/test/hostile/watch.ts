import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { defineJob, type Jobs } from "@waybill/core";

/** What would end a process that does not listen for it. Call `stop` for what was heard. */
export function watchProcess(): { stop(): string[] } {
  const heard: string[] = [];
  const listen = (error: unknown): void => void heard.push(`the process would have ended: ${textOf(error)}`);
  process.on("uncaughtException", listen).on("unhandledRejection", listen);
  return {
    stop() {
      process.off("uncaughtException", listen).off("unhandledRejection", listen);
      return heard;
    },
  };
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    return "a value that cannot be read";
  }
}

/** A job that ends once as many run at once as the worker has slots: none of them may be lost. */
export function createGate(concurrency: number) {
  let running = 0;
  let open = Promise.withResolvers<void>();
  const gate = defineJob({
    type: "fuzz.gate",
    async handler() {
      if (++running === concurrency) open.resolve();
      await open.promise;
    },
  });
  /** Returns what is wrong, or null. */
  async function pass(jobs: Jobs, limitMs = 60_000): Promise<string | null> {
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), limitMs);
    for (let n = 0; n < concurrency; n++) await jobs.enqueue(gate, {});
    const first = await Promise.race([open.promise, late]);
    clearTimeout(timer);
    const most = running;
    open.resolve();
    running = 0;
    open = Promise.withResolvers<void>();
    return first === "late" ? `only ${most} of ${concurrency} slots are usable` : null;
  }
  return { gate, pass };
}

/** Runs `waybill` in a process of its own. */
export async function cli(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const main = fileURLToPath(new URL("../../../../packages/cli/src/main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=waybill-source", "--no-warnings", main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

/** Looks at the store by the inspector and by the command line. Returns what is wrong. */
export async function tryListings(
  jobs: Jobs,
  url: string,
): Promise<{ faults: string[]; dead: number; waiting: number }> {
  const faults: string[] = [];
  const counts = (await jobs.inspector?.counts(["default"])) ?? [];
  const dead = counts.reduce((sum, row) => sum + row.dead, 0);
  const waiting = counts.reduce((sum, row) => sum + row.ready + row.delayed + row.leased, 0);
  const limit = dead + 1_000;
  const letters = (await jobs.inspector?.deadLetters({ limit })) ?? [];
  // What still waits or runs may die between the count and the listing.
  if (letters.length < dead) faults.push(`${dead} dead letters are counted, ${letters.length} are shown`);
  const queues = await cli("queues", "--json", "--url", url);
  if (queues.code !== 0) faults.push(`waybill queues ended with ${queues.code}: ${queues.err}`);
  const list = await cli("dead", "list", "--json", "--limit", String(limit), "--url", url);
  if (list.code !== 0) faults.push(`waybill dead list ended with ${list.code}: ${list.err}`);
  const shown = list.out.split("\n").length - 1;
  if (list.code === 0 && shown < dead) faults.push(`waybill dead list shows ${shown} of ${dead} dead letters`);
  return { faults, dead, waiting };
}
