import type { OutgoingHttpHeaders } from "node:http";
import type { JobContext, KeyRing, Signature } from "@waybill/core";

/** Returns the headers of a push: the sender's signature, and the counts that an immutable envelope cannot contain. */
export function requestHeaders(
  job: JobContext,
  body: string,
  sender: {
    /** Signs the request. Null: unsigned. */
    readonly ring: KeyRing | null;
    /** Of this request, in Unix seconds. */
    readonly timestamp: number;
    readonly contentType: string;
    /** Deliveries by this sender that got no response, which no backend has counted. */
    readonly losses: number;
  },
): OutgoingHttpHeaders {
  const { id, type, queue, attempt, delivery } = job;
  const { ring, timestamp } = sender;
  return {
    "content-type": sender.contentType,
    "content-length": Buffer.byteLength(body),
    "user-agent": "waybill",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    ...(ring && { "webhook-signature": ring.sign({ id, timestamp, body }) }),
    "waybill-type": type,
    "waybill-queue": queue,
    "waybill-attempt": attempt,
    "waybill-lost": delivery.lost + sender.losses,
    "waybill-releases": delivery.releases,
    ...producerHeaders(delivery.signature),
  };
}

/** What no header can contain is left out: a receiver that requires the signature then refuses the job. */
const SIGNATURE = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/;

function producerHeaders(signature: Signature | null): OutgoingHttpHeaders {
  if (signature === null || !SIGNATURE.test(signature.value) || !Number.isSafeInteger(signature.timestamp)) return {};
  return { "waybill-signature": signature.value, "waybill-signature-timestamp": signature.timestamp };
}
