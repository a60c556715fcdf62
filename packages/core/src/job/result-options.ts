import { WaybillError } from "../errors.ts";
import { durationMs } from "../time/duration.ts";
import { assertSchema } from "./check-definition.ts";
import type { JobDefinition } from "./job-definition.ts";

const LONGEST_MS = 366 * 86_400_000;

/**
 * Returns how long the result of a job is kept, in milliseconds; null where its definition has no result. Throws `CONFIG_INVALID` for
 * a `result` or `keepResult` that cannot work.
 */
export function keepResultMsOf({ type, result, keepResult }: JobDefinition): number | null {
  assertSchema(result, `result of "${type}"`);
  if (result === undefined && keepResult === undefined) return null;
  if (result === undefined)
    throw invalid(`"${type}" has keepResult and no result: give the schema of what its handler returns, as result`);
  const keepMs = durationMs(keepResult ?? "1h", `keepResult of "${type}"`);
  if (keepMs > 0 && keepMs <= LONGEST_MS) return keepMs;
  throw invalid(`keepResult of "${type}" is ${keepMs} ms: more than 0 and at most "366d"`);
}

/** Throws `CAPABILITY_MISSING` for a job with a result where no ledger keeps it. `where` names that place. */
export function refuseResults(jobs: readonly JobDefinition[], where: string): void {
  const job = jobs.find(({ result }) => result !== undefined);
  if (job === undefined) return;
  const remedy =
    "run it in a worker, for which createRelay and createIngress store pushed jobs, or define it without a result";
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `job "${job.type}" has a result, which ${where} has no ledger to keep in: ${remedy}`,
  );
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
