import type { JobDefinition } from "./job-definition.ts";
import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** Throws `CONFIG_INVALID` unless `value` is what `defineJob` returns. `name` says where it came from. */
export function assertDefinition(value: unknown, name: string): asserts value is JobDefinition {
  if (isDefinition(value)) return;
  const remedy = typeof value === "object" && value !== null && "type" in value ? "; wrap it in defineJob(…)" : "";
  throw refuse(`${name} is ${describeValue(value)}: pass what defineJob(…) returned${remedy}`);
}

function isDefinition(value: unknown): value is JobDefinition {
  if (typeof value !== "object" || value === null) return false;
  return ["type", "schema", "queue", "retry", "handler"].every((member) => member in value);
}

/** Throws `CONFIG_INVALID` unless `jobs` is a list of definitions. `name` says which option it is. */
export function assertDefinitions(jobs: unknown, name: string): asserts jobs is readonly JobDefinition[] {
  if (!Array.isArray(jobs))
    throw refuse(`${name} is ${describeValue(jobs)}: pass a list of definitions, such as [sendReceipt]`);
  for (const [at, job] of jobs.entries()) assertDefinition(job, `${name}[${at}]`);
}

/** Throws `CONFIG_INVALID` unless `schema` is absent or a Standard Schema. `name` says which option it is. */
export function assertSchema(schema: StandardSchema | undefined, name: string): void {
  if (schema === undefined || typeof schema?.["~standard"]?.validate === "function") return;
  throw refuse(
    `${name} is ${describeValue(schema)}: pass a Standard Schema, such as z.object({ … }) of zod 3.24 or newer`,
  );
}

/** Throws `CONFIG_INVALID` unless `handler` is a function. */
export function assertHandler(handler: unknown, type: string): void {
  if (typeof handler === "function") return;
  throw refuse(`handler of "${type}" is ${describeValue(handler)}: pass a function of (payload, job)`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
