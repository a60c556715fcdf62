import { argsOf, validatePayload } from "../job/payload.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import type { EnqueueOptions } from "../producer/enqueue-options.ts";
import type { ForeignJob } from "./job-source.ts";
import type { ImportOptions, MappedJob } from "./import-options.ts";
import { errorMessage } from "../values/thrown.ts";

/** The queue of the dead letters that were failed jobs of another system: nothing else may be leased from it. */
export const failedQueue = (queue: string): string => `${queue}.failed`;

/** A job to enqueue, whose payload was checked. */
export interface ImportItem {
  readonly job: JobDefinition | string;
  readonly payload: unknown;
  readonly options: EnqueueOptions & { readonly queue?: string | undefined };
}

/** Returns why a job stays where it is, in one sentence; null for one that `map` accepts and whose payload fits. Never rejects. */
export async function whyItStays(job: ForeignJob, map: ImportOptions["map"]): Promise<string | null> {
  if (job.stays !== null) return job.stays;
  try {
    const mapped = map(job);
    if (mapped === null) return "map returned null";
    const { job: definition, payload } = mapped;
    if (typeof definition !== "string") await validatePayload(definition, await argsOf(definition, payload));
    return null;
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

/**
 * Returns what is enqueued for a job. Its id is derived from the source, the job's id there and the time it was made, so that a job that
 * is read twice is stored once. Times are absolute, so that its bytes are the same each time. Throws what `map` throws.
 */
export function itemOf(source: string, job: ForeignJob, mapped: MappedJob, hasPriorities: boolean): ImportItem {
  const { job: definition, payload, options = {} } = mapped;
  const { id, createdAt, dueAt, priority, retry, error } = job;
  const queue = options.queue ?? (typeof definition === "string" ? "default" : definition.queue);
  const kept: EnqueueOptions = {
    id: ["import", source, id, createdAt],
    ...(dueAt !== null && { runAt: new Date(dueAt) }),
    ...(hasPriorities && priority !== 0 && { priority }),
    retry,
    // A unique key could refuse a job that the other system had accepted.
    unique: false,
  };
  if (job.state !== "failed") return { job: definition, payload, options: { ...kept, ...options } };
  const meta = { ...options.meta, "bridge.error": error === null ? null : { message: error.message.slice(0, 2_000) } };
  const { runAt: _, ...now } = { ...kept, ...options };
  return { job: definition, payload, options: { ...now, meta, queue: failedQueue(queue) } };
}
