import { assertQueue } from "../job/define-job.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import type { EnqueueOptions } from "./enqueue-options.ts";
import {
  type Envelope,
  type EnvelopeDedupe,
  type EnvelopeRetry,
  formatTimestamp,
  type JsonValue,
  newId,
} from "../envelope/index.ts";

/** The keys that a job counts under, by the names of its limits. */
export type LimitKeys = Readonly<Record<string, string>>;

/** The options of one enqueue, with the id derived where the call asks for it, and members of the envelope that few jobs have. */
export interface EnvelopeParts {
  readonly options: EnqueueOptions;
  /** Unix milliseconds. One time for the whole envelope: a second reading of the clock could differ between delay and expiry. */
  readonly nowMs: number;
  readonly runAtMs: number | null;
  readonly expiresAtMs: number | null;
  /** Seconds. */
  readonly timeout: number | null;
  readonly limits: LimitKeys | null;
  readonly dedupe: EnvelopeDedupe | null;
  readonly retry: EnvelopeRetry | null;
}

/** Returns the envelope of one enqueue, whose arguments have been checked. Throws `CONFIG_INVALID` for an invalid option. */
export function envelopeFor(
  type: string,
  definition: JobDefinition | null,
  args: JsonValue[],
  source: string | null,
  { options, nowMs, runAtMs, expiresAtMs, timeout, limits, dedupe, retry }: EnvelopeParts,
): Envelope {
  const queue = options.queue ?? definition?.queue;
  if (options.queue !== undefined) assertQueue(options.queue, `queue of the call for "${type}"`);
  const meta = metaFor(options, definition, limits);
  return {
    spec: "waybill/1",
    id: typeof options.id === "string" ? options.id : newId(),
    type,
    ...(queue !== undefined && { queue }),
    args,
    // With an id of the caller's own, equal calls make equal bytes, so that two of them store one job.
    ...(options.id === undefined && { created_at: formatTimestamp(nowMs) }),
    ...(source !== null && { source }),
    ...(runAtMs !== null && { scheduled_at: formatTimestamp(runAtMs) }),
    ...(expiresAtMs !== null && { expires_at: formatTimestamp(expiresAtMs) }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(timeout !== null && { timeout }),
    ...(retry !== null && { retry }),
    ...(dedupe !== null && { dedupe }),
    ...(meta !== null && { meta }),
  };
}

function metaFor(
  options: EnqueueOptions,
  definition: JobDefinition | null,
  limits: LimitKeys | null,
): { [key: string]: JsonValue } | null {
  const version = definition?.version ?? 1;
  if (options.meta === undefined && options.tenant === undefined && version === 1 && limits === null) return null;
  return {
    ...options.meta,
    ...(options.tenant !== undefined && { tenant_id: options.tenant }),
    ...(version !== 1 && { payload_version: version }),
    ...(limits !== null && { limits }),
  };
}
