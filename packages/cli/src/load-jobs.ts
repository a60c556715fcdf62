import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type JobDefinition, toError } from "@waybill/core";
import { UsageError } from "./exit.ts";

/**
 * The job definitions a module exports: every export made by `defineJob` or `handlerFor`, and those of an
 * exported array `jobs`. Other exports are left alone. A definition gives way to the one that carries its handler.
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

/** As `loadJobs`, for a worker: a definition without a handler cannot be run. */
export async function loadHandlers(path: string): Promise<JobDefinition[]> {
  const jobs = await loadJobs(path);
  const bare = jobs.filter((job) => job.handler === null).map((job) => `"${job.type}"`);
  if (bare.length === 0) return jobs;
  throw new UsageError(
    `${path} exports ${bare.join(", ")} without a handler; export handlerFor(definition, handler), ` +
      `or keep jobs that this worker does not run out of the file`,
  );
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`there is no jobs file ${path} (looked for ${file})`);
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (thrown) {
    const hint = file.endsWith(".ts") ? "; Node runs TypeScript from 22.18 on, before that give the compiled file" : "";
    throw new UsageError(`the jobs file ${path} cannot be loaded: ${toError(thrown).message}${hint}`, {
      cause: thrown,
    });
  }
}

function isJobDefinition(value: unknown): value is JobDefinition {
  if (typeof value !== "object" || value === null) return false;
  return (
    "type" in value && typeof value.type === "string" && "handler" in value && "schema" in value && "queue" in value
  );
}
