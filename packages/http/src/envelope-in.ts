import type { Envelope } from "@waybill/core";
import { parseEnvelope } from "@waybill/core/door";

/** Null for what is no envelope: whoever runs or stores it will say what is wrong with it. */
export function envelopeIn(body: string): Envelope | null {
  try {
    return parseEnvelope(body);
  } catch {
    return null;
  }
}

export function envelopeId(body: string): string | null {
  return envelopeIn(body)?.id ?? null;
}
