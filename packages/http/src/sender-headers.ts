import type { OutgoingHttpHeaders } from "node:http";
import type { JobContext, KeyRing, Signature } from "@waybill/core";

/** Beside the body: who sends it, and what the envelope, which never changes, cannot say. */
export function senderHeaders(
  job: JobContext,
  body: string,
  from: {
    /** Signs requests. Null: unsigned. */
    readonly ring: KeyRing | null;
    /** Of this request, in Unix seconds. */
    readonly timestamp: number;
    readonly contentType: string;
    /** Deliveries from here that nobody answered, which no backend has counted. */
    readonly losses: number;
  },
): OutgoingHttpHeaders {
  const { id, type, queue, attempt, delivery } = job;
  const { ring, timestamp } = from;
  return {
    "content-type": from.contentType,
    "content-length": Buffer.byteLength(body),
    "user-agent": "waybill",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    ...(ring && { "webhook-signature": ring.sign({ id, timestamp, body }) }),
    "waybill-type": type,
    "waybill-queue": queue,
    "waybill-attempt": attempt,
    "waybill-lost": delivery.lost + from.losses,
    "waybill-releases": delivery.releases,
    ...producerHeaders(delivery.signature),
  };
}

/** What no header can hold is no signature either; a receiver that wants one will miss it. */
const SIGNATURE = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/;

function producerHeaders(signature: Signature | null): OutgoingHttpHeaders {
  if (signature === null || !SIGNATURE.test(signature.value) || !Number.isSafeInteger(signature.timestamp)) return {};
  return { "waybill-signature": signature.value, "waybill-signature-timestamp": signature.timestamp };
}
