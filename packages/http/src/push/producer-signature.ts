import type { Signature } from "@waybill/core";

/**
 * Returns the signature that the producer made when it enqueued the job, from the two headers or attributes in which a
 * carrier passes it on. `read` returns null for a name that is absent. Returns null if either is absent or malformed.
 */
export function producerSignature(read: (name: string) => string | null): Signature | null {
  const timestamp = seconds(read("waybill-signature-timestamp"));
  const value = read("waybill-signature");
  return timestamp === null || value === null ? null : { timestamp, value };
}

/**
 * Returns Unix seconds, or null if the text is absent or anything else. Leading zeros are refused: a signature covers the
 * text, so each time has one spelling.
 */
export function seconds(text: string | null): number | null {
  return text !== null && /^(?:0|[1-9]\d{0,10})$/.test(text) ? Number(text) : null;
}
