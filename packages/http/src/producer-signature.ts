import type { Signature } from "@waybill/core";

/**
 * The producer's own signature, made when the job was enqueued, where a carrier passes it on beside the body: two names,
 * in headers or in attributes. `read` answers null for a name that is absent.
 */
export function producerSignature(read: (name: string) => string | null): Signature | null {
  const timestamp = seconds(read("waybill-signature-timestamp"));
  const value = read("waybill-signature");
  return timestamp === null || value === null ? null : { timestamp, value };
}

/** Unix seconds in a text; null when it is absent or anything else. One spelling for each: signatures cover the text. */
export function seconds(text: string | null): number | null {
  return text !== null && /^(?:0|[1-9]\d{0,10})$/.test(text) ? Number(text) : null;
}
