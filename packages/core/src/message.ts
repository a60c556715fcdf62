import type { Message, Signature } from "./backend.ts";
import { wallMs } from "./clock.ts";
import { defaults, type Envelope, parseTimestamp } from "./envelope/index.ts";

/** The label of an envelope, and its body beside it. A `scheduled_at` in the past is a delay of 0. */
export function messageOf(envelope: Envelope, body: string, signature: Signature | null): Message {
  const { scheduled_at: scheduledAt, meta } = envelope;
  return {
    id: envelope.id,
    type: envelope.type,
    queue: envelope.queue ?? defaults.queue,
    delayMs: scheduledAt === undefined ? 0 : Math.max(0, parseTimestamp(scheduledAt) - wallMs()),
    priority: envelope.priority ?? 0,
    tenant: meta?.tenant_id ?? null,
    signature,
    body,
  };
}
