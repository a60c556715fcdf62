import { type DeadReason, errorMessage, type Signature } from "@waybill/core";
import {
  type Admit,
  countOf,
  decodeBody,
  type Lease,
  type Message,
  momentOf,
  numberOf,
  textOf,
} from "@waybill/core/backend";
import type { Message as Delivered, Options } from "amqplib";

/** A job's counts before this delivery. They travel in the headers of every copy. */
export type Counts = Pick<Lease, "attempt" | "lost" | "releases" | "dueAt">;

type Headers = Record<string, string | number>;

/** Names of headers on the wire. */
export const header = {
  attempt: "waybill-attempt",
  lost: "waybill-lost",
  releases: "waybill-releases",
  dueAt: "waybill-due-at",
  tenant: "waybill-tenant",
  signedAt: "webhook-timestamp",
  signature: "webhook-signature",
  deadCode: "waybill-dead-code",
  deadMessage: "waybill-dead-message",
  deadError: "waybill-dead-error",
  diedAt: "waybill-died-at",
  queue: "waybill-queue",
} as const;

export const INITIAL: Counts = { attempt: 1, lost: 0, releases: 0, dueAt: null };

/** Returns the headers of a message. An absent header has its initial value, so a new job without a tenant has none. */
export function headersOf(
  { tenant, signature }: Pick<Lease, "tenant" | "signature">,
  { attempt, lost, releases, dueAt }: Counts,
): Headers {
  return {
    ...(attempt > 1 && { [header.attempt]: attempt }),
    ...(lost > 0 && { [header.lost]: lost }),
    ...(releases > 0 && { [header.releases]: releases }),
    ...(dueAt !== null && { [header.dueAt]: dueAt }),
    ...(tenant !== null && { [header.tenant]: tenant }),
    ...(signature !== null && { [header.signedAt]: signature.timestamp, [header.signature]: signature.value }),
  };
}

export function propertiesOf({ id, type }: Pick<Lease, "id" | "type">, headers?: Headers): Options.Publish {
  return {
    messageId: id,
    type,
    contentType: "application/json",
    timestamp: Math.floor(Date.now() / 1_000),
    persistent: true,
    mandatory: true,
    headers,
  };
}

export function messageProperties(message: Message, dueAt: number | null): Options.Publish {
  const needsNone = message.tenant === null && message.signature === null && dueAt === null;
  return propertiesOf(message, needsNone ? undefined : headersOf(message, { ...INITIAL, dueAt }));
}

/**
 * Returns a delivered message as a lease without its token. Any program may have written it: a header of the wrong type
 * counts as absent. `countsLost`: the broker counts deliveries, as on quorum queues.
 */
export function labelOf(
  { content, properties, fields }: Delivered,
  queue: string,
  countsLost: boolean,
  admit: Admit,
): Omit<Lease, "token"> {
  const headers = properties.headers ?? {};
  const signature = signatureOf(headers);
  const { body, damage } = bodyOf(content);
  const label = labelIn(properties.messageId, properties.type) ??
    labelInBody(body, signature, admit) ??
      // Core will dead-letter it under this name.
      { id: `unnamed-${crypto.randomUUID()}-${fields.deliveryTag}`, type: "", tenant: null };
  return {
    ...label,
    queue,
    priority: 0,
    tenant: shortText(headers[header.tenant]) ?? label.tenant,
    signature,
    body,
    ...(damage && { damage }),
    attempt: countOf(headers[header.attempt], 1),
    lost: countsLost ? countOf(headers[header.lost], 0) + countOf(headers["x-delivery-count"], 0) : 0,
    releases: countOf(headers[header.releases], 0),
    ...(!countsLost && fields.redelivered && { redelivered: true }),
    dueAt: momentOf(headers[header.dueAt]),
    expiresAt: null,
  };
}

function bodyOf(content: Buffer): { readonly body: string; readonly damage?: DeadReason } {
  try {
    return { body: decodeBody(content) };
  } catch (thrown) {
    return { body: "", damage: { code: "ENCODING_INVALID", message: errorMessage(thrown) } };
  }
}

type Label = Pick<Lease, "id" | "type" | "tenant">;

const labelIn = (id: unknown, type: unknown): Label | null =>
  typeof id === "string" && id !== "" && typeof type === "string" ? { id, type, tenant: null } : null;

/** A producer need not set properties. The label is then in the envelope, which only core parses. */
function labelInBody(body: string, signature: Signature | null, admit: Admit): Label | null {
  const admitted = admit(body, signature);
  if (!admitted.ok) return null;
  const { id, type, tenant } = admitted.message;
  return { id, type, tenant };
}

/** amqplib has one buffer of 64 KiB for all headers of a message. With longer texts no copy could be sent. */
const LONGEST_TEXT = 4_096;

/** Returns null for a value that is no text, or is longer than waybill would write. */
function shortText(value: unknown): string | null {
  const text = textOf(value);
  return text === null || text.length > LONGEST_TEXT ? null : text;
}

export function signatureOf(headers: Readonly<Record<string, unknown>>): Signature | null {
  const timestamp = numberOf(headers[header.signedAt]);
  const value = shortText(headers[header.signature]);
  return timestamp === null || value === null ? null : { timestamp, value };
}
