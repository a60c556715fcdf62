import { WaybillError } from "../errors.ts";
import { assertDefinition } from "../job/check-definition.ts";
import { CANARY_TYPE } from "../job/canary-type.ts";
import type { JobDefinition } from "../job/job-definition.ts";

/** What a producer knows of the jobs that it enqueues. */
export interface KnownJobs {
  /** Definitions by type; null where the connection was given none, and every type is accepted. */
  readonly known: ReadonlyMap<string, JobDefinition> | null;
  /** True: a type that is not among them is stored, since a newer worker may know it. False: it is refused. */
  readonly production: boolean;
}

/**
 * Returns the definition of a job given by definition or by type; null for a type without one. Throws `JOB_UNKNOWN` outside
 * production for a job that is not among `known`: it was not checked against the backend, and no worker of this program
 * runs it. Canary jobs are of the library itself, and no connection lists them.
 */
export function definitionOf(job: JobDefinition | string, { known, production }: KnownJobs): JobDefinition | null {
  if (typeof job !== "string") assertDefinition(job, "the job to enqueue");
  const type = typeof job === "string" ? job : job.type;
  if (known !== null && !known.has(type) && type !== CANARY_TYPE && !production) throw unknownType(type);
  return typeof job === "string" ? (known?.get(type) ?? null) : job;
}

/** A payload given by type name has no schema; whether the name is known is all that can be checked. */
function unknownType(type: string): WaybillError {
  return new WaybillError(
    "JOB_UNKNOWN",
    `no job of type "${type}" is registered here; pass its definition to connect({ jobs }), in Nest to WaybillModule.forFeature, or leave the registry out (waybill enqueue --no-registry)`,
  );
}
