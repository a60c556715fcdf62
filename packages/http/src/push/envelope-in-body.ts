import type { Envelope } from "@waybill/core";
import { parseEnvelope, readSignedWrapper } from "@waybill/core/endpoint";
import type { InboundDelivery } from "./inbound-delivery.ts";

/** Returns the envelope, or null if the body is none. `execute` and `enqueueBody` later return the error. */
export function envelopeIn(body: string): Envelope | null {
  try {
    return parseEnvelope(body);
  } catch {
    return null;
  }
}

/** Returns the envelope's id, or null if the body is no envelope. */
export function envelopeId(body: string): string | null {
  return envelopeIn(body)?.id ?? null;
}

/** Returns true for a signed wrapper, whatever is inside. */
export function isWrapped(body: string): boolean {
  return readSignedWrapper(body) !== null;
}

/**
 * Unwraps a signed wrapper: its envelope becomes the body, its signature the job's. Returns anything else unchanged,
 * including a wrapper whose signature is for another id: `execute` and `enqueueBody` refuse that.
 */
export function unwrapped<Wrapped extends Pick<InboundDelivery, "body" | "signature">>(delivery: Wrapped): Wrapped {
  const wrapper = readSignedWrapper(delivery.body);
  if (wrapper === null || envelopeId(wrapper.envelope) !== wrapper.id) return delivery;
  return { ...delivery, body: wrapper.envelope, signature: wrapper.signature };
}
