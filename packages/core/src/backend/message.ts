import type { Message, Signature, UniqueKey } from "../backend/contract.ts";
import { wallMs } from "../time/clock.ts";
import { defaults, type Envelope, type EnvelopeDedupe, parseDuration, parseTimestamp } from "../envelope/index.ts";

/** The label of an envelope, and its body beside it. A `scheduled_at` in the past is a delay of 0. */
export function messageOf(envelope: Envelope, body: string, signature: Signature | null): Message {
  const { scheduled_at: scheduledAt, meta, dedupe } = envelope;
  return {
    id: envelope.id,
    type: envelope.type,
    queue: envelope.queue ?? defaults.queue,
    delayMs: scheduledAt === undefined ? 0 : Math.max(0, parseTimestamp(scheduledAt) - wallMs()),
    priority: envelope.priority ?? 0,
    tenant: meta?.tenant_id ?? null,
    signature,
    ...(meta?.limits !== undefined && { limitKeys: meta.limits }),
    ...(dedupe !== undefined && { unique: uniqueOf(dedupe) }),
    body,
  };
}

/** The unique key that an envelope asks for. */
export function uniqueOf({ key, until, for: taken, on_conflict: onConflict = "reject" }: EnvelopeDedupe): UniqueKey {
  return { key, until: taken === undefined ? (until ?? "end") : parseDuration(taken), onConflict };
}
