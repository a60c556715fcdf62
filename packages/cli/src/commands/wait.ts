import type { Command } from "commander";
import { connect, type Duration, isWaybillError, toError } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import { shared, type SharedOptions } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { examples } from "../output/help.ts";
import { duration } from "../options/values.ts";
import { printJson, printText } from "../output/print.ts";
import { span } from "../output/duration-text.ts";

interface Options extends SharedOptions {
  readonly timeout: Duration;
}

const PAUSE_MS = 200;

export function waitCommand(program: Command): void {
  const command = program
    .command("wait")
    .summary("wait until the backend answers")
    .description("Wait until the backend answers, for scripts that start it just before.")
    .option("--timeout <duration>", "give up after this long", duration, "60s");
  examples(
    shared(command).action(wait),
    ["waybill wait && waybill worker --jobs ./jobs.js", "start once the backend is there"],
    ["waybill wait --timeout 10s", "exit 1 if it does not answer within ten seconds"],
  );
}

async function wait({ url, timeout, json }: Options): Promise<void> {
  const began = performance.now();
  const limitMs = durationMs(timeout, "--timeout");
  const left = (): number => limitMs - (performance.now() - began);
  let failure = new Error("it has not answered yet");
  do {
    // An attempt that hangs is abandoned at the limit; its connection ends with this process.
    const reached = await Promise.race([attempt(url), pause(left(), failure)]);
    if (typeof reached === "string") {
      const waitedMs = Math.round(performance.now() - began);
      return json
        ? printJson({ backend: reached, waitedMs })
        : printText(`${reached} answered after ${span(waitedMs)}.`);
    }
    failure = reached;
    await pause(Math.min(PAUSE_MS, left()), failure);
  } while (left() > 0);
  throw new CommandError("BACKEND_UNAVAILABLE", `no answer within ${timeout}: ${failure.message}`, { cause: failure });
}

/** Returns the backend's address once it has answered a call, else the error. Rejects `CONFIG_INVALID` for a wrong URL. */
async function attempt(url: string): Promise<string | Error> {
  try {
    const jobs = await connect(url, { log: "off" });
    try {
      await (jobs.inspector?.counts() ?? jobs.doctor?.checks());
      return jobs.backend.address;
    } finally {
      await jobs.close();
    }
  } catch (thrown) {
    if (isWaybillError(thrown, "CONFIG_INVALID")) throw thrown;
    return toError(thrown);
  }
}

const pause = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), Math.max(0, ms)));
