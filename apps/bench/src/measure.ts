import { fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inScratch } from "./scratch.ts";
import type { MeasurementName, MeasurementInput, MeasurementResult } from "./measurements/index.ts";

const child = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url));

/**
 * Runs one measurement in a process of its own, so that no other's heap or compiled code helps or hinders it.
 * Its stdout goes to a file beside the database, as a log would. Rejects when it fails or miscounts.
 */
export async function measure<Name extends MeasurementName>(
  name: Name,
  input: Omit<MeasurementInput<Name>, "directory">,
): Promise<MeasurementResult<Name>> {
  return inScratch<MeasurementResult<Name>>(async (directory) => {
    const log = openSync(join(directory, "stdout.log"), "a");
    try {
      return await resultOf<MeasurementResult<Name>>(name, { ...input, directory }, log);
    } finally {
      closeSync(log);
    }
  });
}

function resultOf<Result>(name: string, input: object, log: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const forked = fork(child, [name, JSON.stringify(input)], {
      execArgv: [...process.execArgv, "--expose-gc"],
      stdio: ["ignore", log, "inherit", "ipc"],
    });
    let message: { result: Result } | null = null;
    forked.on("message", (received) => (message = received as { result: Result }));
    forked.on("error", reject);
    forked.on("exit", (code, signal) => {
      if (code === 0 && message !== null) resolve(message.result);
      else
        reject(
          new Error(`measurement "${name}" ended with ${signal ?? `code ${code}`} and ${message ? "a" : "no"} result`),
        );
    });
  });
}
