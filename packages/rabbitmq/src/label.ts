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

/** What was counted before this delivery, and travels with every copy. */
export interface Counts {
  readonly attempt: number;
  readonly lost: number;
  readonly releases: number;
  readonly dueAt: number | null;
}

type Headers = Record<string, string | number>;

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
  diedAt: "waybill-died-at",
  queue: "waybill-queue",
} as const;

export const FRESH: Counts = { attempt: 1, lost: 0, releases: 0, dueAt: null };

/** Absent headers mean the beginning: a plain message has none. */
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

export function propertiesOf(label: Pick<Lease, "id" | "type">, headers: Headers | undefined): Options.Publish {
  return {
    messageId: label.id,
    type: label.type,
    contentType: "application/json",
    timestamp: Math.floor(Date.now() / 1_000),
    persistent: true,
    mandatory: true,
    headers,
  };
}

export function messageProperties(message: Message, dueAt: number | null): Options.Publish {
  const plain = message.tenant === null && message.signature === null && dueAt === null;
  return propertiesOf(message, plain ? undefined : headersOf(message, { ...FRESH, dueAt }));
}

/** A delivery as a lease without its token. `quorum`: the broker counts deliveries that ended unsettled. */
export function labelOf(
  { content, properties, fields }: Delivered,
  queue: string,
  quorum: boolean,
  admit: Admit,
): Omit<Lease, "token"> {
  const headers = properties.headers ?? {};
  const signature = signatureOf(headers);
  const { body, damage } = bodyOf(content);
  const named = nameOf(properties.messageId, properties.type) ?? nameIn(body, signature, admit) ?? unnamed(fields);
  return {
    ...named,
    queue,
    priority: 0,
    tenant: copiedOf(headers[header.tenant]) ?? named.tenant,
    signature,
    body,
    ...(damage && { damage }),
    attempt: countOf(headers[header.attempt], 1),
    lost: quorum ? countOf(headers[header.lost], 0) + countOf(headers["x-delivery-count"], 0) : 0,
    releases: countOf(headers[header.releases], 0),
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

interface Named {
  readonly id: string;
  readonly type: string;
  readonly tenant: string | null;
}

function nameOf(id: unknown, type: unknown): Named | null {
  return typeof id === "string" && id !== "" && typeof type === "string" ? { id, type, tenant: null } : null;
}

/** A producer that sets no properties is understood too: its label is in the envelope, which only core may read. */
function nameIn(body: string, signature: Signature | null, admit: Admit): Named | null {
  const judged = admit(body, signature);
  if (!judged.ok) return null;
  const { id, type, tenant } = judged.message;
  return { id, type, tenant };
}

/** No envelope: core will say so, and bury it under this name. */
const unnamed = ({ deliveryTag }: Delivered["fields"]): Named => ({
  id: `unnamed-${crypto.randomUUID()}-${deliveryTag}`,
  type: "",
  tenant: null,
});

/** Headers of a message fill one buffer of 64 KiB at most in amqplib. With longer ones, no copy could be sent. */
const LONGEST_COPIED = 4_096;

/** Text that travels with every copy. Null for what is no text, and for one that nobody of ours would write. */
function copiedOf(value: unknown): string | null {
  const text = textOf(value);
  return text === null || text.length > LONGEST_COPIED ? null : text;
}

export function signatureOf(headers: Readonly<Record<string, unknown>>): Signature | null {
  const timestamp = numberOf(headers[header.signedAt]);
  const value = copiedOf(headers[header.signature]);
  return timestamp === null || value === null ? null : { timestamp, value };
}
