import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type JobDefinition, type Schedule, toError } from "@waybill/core";
import { UsageError } from "../exit.ts";
import { jobsFileFault } from "./load-error.ts";

/**
 * Loads the job definitions that a module exports: every export made by `defineJob` or `handlerFor`, and the items of an
 * exported array `jobs`. Other exports are ignored. Of two definitions of one type, the one with a handler counts. Throws
 * `UsageError` for a file that is missing, cannot be loaded or exports no job.
 */
export async function loadJobs(path: string): Promise<JobDefinition[]> {
  const module = await importModule(path);
  const candidates = Object.entries(module).flatMap(([name, value]) =>
    name === "jobs" && Array.isArray(value) ? (value as unknown[]) : [value],
  );
  const found = [...new Set(candidates.filter(isJobDefinition))];
  if (found.length === 0) {
    throw new UsageError(
      `${path} exports no job; export what defineJob or handlerFor returns, or an array named "jobs"`,
    );
  }
  const handled = new Set(found.filter((job) => job.handler !== null).map((job) => job.type));
  return found.filter((job) => job.handler !== null || !handled.has(job.type));
}

/** As `loadJobs`, for a worker. Throws `UsageError` also for a definition without a handler. */
export async function loadHandlers(path: string): Promise<JobDefinition[]> {
  const jobs = await loadJobs(path);
  const bare = jobs.filter((job) => job.handler === null).map((job) => `"${job.type}"`);
  if (bare.length === 0) return jobs;
  throw new UsageError(
    `${path} exports ${bare.join(", ")} without a handler; export handlerFor(definition, handler), ` +
      `or remove jobs that this worker does not run from the file`,
  );
}

/** Loads the schedules that a module exports: every export made by `defineSchedule`, and the items of an exported array `schedules`. */
export async function loadSchedules(path: string): Promise<Schedule[]> {
  const module = await importModule(path);
  const candidates = Object.entries(module).flatMap(([name, value]) =>
    name === "schedules" && Array.isArray(value) ? (value as unknown[]) : [value],
  );
  return [...new Set(candidates.filter(isSchedule))];
}

function isSchedule(value: unknown): value is Schedule {
  if (typeof value !== "object" || value === null) return false;
  return "name" in value && "job" in value && "timing" in value && "overlap" in value;
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`there is no jobs file ${path} (looked for ${file})`);
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (thrown) {
    const error = toError(thrown);
    throw new UsageError(`the jobs file ${path} cannot be loaded: ${jobsFileFault(file, error)}`, { cause: thrown });
  }
}

function isJobDefinition(value: unknown): value is JobDefinition {
  if (typeof value !== "object" || value === null) return false;
  return (
    "type" in value && typeof value.type === "string" && "handler" in value && "schema" in value && "queue" in value
  );
}
