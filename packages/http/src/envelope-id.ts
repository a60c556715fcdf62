import { parseEnvelope } from "@waybill/core";

/** Null for what is no envelope; `execute` will say what is wrong with it. */
export function envelopeId(body: string): string | null {
  try {
    return parseEnvelope(body).id;
  } catch {
    return null;
  }
}
