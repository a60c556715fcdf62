import { wallMs } from "./clock.ts";
import { assertQueue, type JobDefinition } from "./define-job.ts";
import { durationMs } from "./duration.ts";
import { assertEnqueueOptions, endMs, type EnqueueOptions, startMs } from "./enqueue-options.ts";
import { type Envelope, formatTimestamp, type JsonValue, newId } from "./envelope/index.ts";
import { envelopeRetry } from "./retry-policy.ts";

/** The envelope of one call; its arguments have been checked. Throws `CONFIG_INVALID` for what the call must not say. */
export function envelopeFor(
  type: string,
  definition: JobDefinition | null,
  args: JsonValue[],
  options: EnqueueOptions,
  source: string | null,
): Envelope {
  assertEnqueueOptions(options, type);
  const queue = options.queue ?? definition?.queue;
  if (options.queue !== undefined) assertQueue(options.queue, `queue of the call for "${type}"`);
  const meta = metaFor(options, definition);
  // One instant for all the times of an envelope: read again, the clock may have moved between delay and expiry.
  const nowMs = wallMs();
  const runAtMs = startMs(options, type, nowMs);
  const expiresAtMs = endMs(options, type, nowMs, runAtMs);
  return {
    spec: "waybill/1",
    id: typeof options.id === "string" ? options.id : newId(),
    type,
    ...(queue !== undefined && { queue }),
    args,
    // With an id of the caller's own, equal calls make equal bytes, so that enqueueing twice is one job.
    ...(options.id === undefined && { created_at: formatTimestamp(nowMs) }),
    ...(source !== null && { source }),
    ...(runAtMs !== null && { scheduled_at: formatTimestamp(runAtMs) }),
    ...(expiresAtMs !== null && { expires_at: formatTimestamp(expiresAtMs) }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.timeout !== undefined && { timeout: Math.ceil(durationMs(options.timeout, "timeout") / 1_000) }),
    ...(options.retry !== undefined && { retry: envelopeRetry(options.retry) }),
    ...(meta !== null && { meta }),
  };
}

function metaFor(options: EnqueueOptions, definition: JobDefinition | null): { [key: string]: JsonValue } | null {
  const version = definition?.version ?? 1;
  if (options.meta === undefined && options.tenant === undefined && version === 1) return null;
  return {
    ...options.meta,
    ...(options.tenant !== undefined && { tenant_id: options.tenant }),
    ...(version !== 1 && { payload_version: version }),
  };
}
