import type { Command } from "commander";
import { connect, type Duration, isWaybillError, toError } from "@waybill/core";
import { durationMs } from "@waybill/core/door";
import { shared, type SharedOptions } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { examples } from "../help.ts";
import { duration } from "../option-values.ts";
import { printJson, printText } from "../print.ts";
import { readProjectFile } from "../project-file.ts";
import { span } from "../span.ts";

interface Options extends SharedOptions {
  readonly timeout: Duration;
}

const PAUSE_MS = 200;

export function waitCommand(program: Command): void {
  const command = program
    .command("wait")
    .summary("wait until the backend answers")
    .description("Wait until the backend answers, for scripts that start it a moment before.")
    .option("--timeout <duration>", "give up after this long", duration, "60s");
  examples(
    shared(command).action(wait),
    ["waybill wait && waybill worker --jobs ./jobs.js", "start once the backend is there"],
    ["waybill wait --timeout 10s", "exit 1 when it is not there within ten seconds"],
  );
}

async function wait({ url, timeout, json }: Options): Promise<void> {
  const began = performance.now();
  const limitMs = durationMs(timeout, "--timeout");
  const left = (): number => limitMs - (performance.now() - began);
  let failure = new Error("it has not answered yet");
  do {
    // One that hangs is given up with the limit; its connection ends with this process.
    const answer = await Promise.race([attempt(url), pause(left(), failure)]);
    if (typeof answer === "string") {
      const waitedMs = Math.round(performance.now() - began);
      return json ? printJson({ backend: answer, waitedMs }) : printText(`${answer} answers after ${span(waitedMs)}.`);
    }
    failure = answer;
    await pause(Math.min(PAUSE_MS, left()), failure);
  } while (left() > 0);
  throw new CommandError("BACKEND_UNAVAILABLE", `no answer within ${timeout}: ${failure.message}`, { cause: failure });
}

/** The backend's address once it has answered a question; the error when it has not. A wrong URL is thrown. */
async function attempt(url: string): Promise<string | Error> {
  try {
    const jobs = await connect(url, { log: "off", services: readProjectFile().services });
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
