import { defaults, type Envelope, parseTimestamp } from "../../src/envelope/index.ts";

/** What a reader takes from an envelope, as vectors write it: spec/1.0/vectors/README.md. */
export function labelOf(envelope: Envelope): object {
  const { id, type, queue = defaults.queue, priority = defaults.priority, meta = {} } = envelope;
  return {
    id,
    type,
    queue,
    priority,
    tenant: meta.tenant_id ?? null,
    payload_version: meta.payload_version ?? defaults.payloadVersion,
    created_at_ms: msOf(envelope.created_at),
    scheduled_at_ms: msOf(envelope.scheduled_at),
    expires_at_ms: msOf(envelope.expires_at),
  };
}

function msOf(timestamp: string | undefined): number | null {
  return timestamp === undefined ? null : parseTimestamp(timestamp);
}
