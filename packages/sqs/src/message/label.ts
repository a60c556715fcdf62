import { createHash } from "node:crypto";
import type { DeadReason, Signature } from "@waybill/core";
import { decodeBody, type Message, momentOf, numberOf, serialiseError } from "@waybill/core/backend";
import { type Attributes, isPlain, MOST_ATTRIBUTES, textAttribute } from "./attributes.ts";

/** What a backend knows of a job besides its body. */
export type Label = Pick<Message, "id" | "type" | "tenant" | "signature">;

/** A job's counts so far. Each copy carries them. */
export interface History {
  readonly attempt: number;
  readonly lost: number;
  readonly releases: number;
  /** Unix milliseconds by the clock of the program that wrote it; null: due at once. */
  readonly dueAt: number | null;
}

export const INITIAL: History = { attempt: 1, lost: 0, releases: 0, dueAt: null };

/** A message as its text and attributes say. Any program may have written it. */
export interface Read {
  /** From the attributes; null if they have none. */
  readonly id: string | null;
  /** Null without the attributes of waybill: then only the body says what it is. */
  readonly label: Label | null;
  readonly history: History;
  readonly signature: Signature | null;
  /** As given to `enqueue`. */
  readonly body: string;
}

/** Returns a body as SQS accepts it: unchanged, or in base64 if it has characters that SQS refuses. */
export function toWire(body: string): { readonly text: string; readonly encoding: Attributes } {
  if (body !== "" && isPlain(body)) return { text: body, encoding: {} };
  // SQS refuses an empty text, and the base64 of an empty body is empty.
  const text = body === "" ? "=" : Buffer.from(body).toString("base64");
  return { text, encoding: { "waybill-encoding": textAttribute("base64") } };
}

export function labelAttributes({ id, type, tenant, signature }: Label): Attributes {
  return {
    "waybill-id": textAttribute(encodeURIComponent(id)),
    // A message that is no job has no type, and SQS refuses empty attributes.
    ...(type !== "" && { "waybill-type": textAttribute(encodeURIComponent(type)) }),
    ...(tenant !== null && { "waybill-tenant": textAttribute(`=${encodeURIComponent(tenant)}`) }),
    ...(signature !== null && {
      "webhook-timestamp": textAttribute(String(signature.timestamp)),
      "webhook-signature": textAttribute(signature.value),
    }),
  };
}

/** Returns no attribute for a job that was never delivered nor delayed. */
export function historyAttributes({ attempt, lost, releases, dueAt }: History): Attributes {
  if (attempt === 1 && lost === 0 && releases === 0 && dueAt === null) return {};
  const due = dueAt === null ? "" : ` due=${dueAt}`;
  return { "waybill-delivery": textAttribute(`attempt=${attempt} lost=${lost} releases=${releases}${due}`) };
}

export function deadAttributes(queue: string, { code, message, error }: DeadReason): Attributes {
  const record = serialiseError(error);
  const reason = message
    .slice(0, 2_000)
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
  return {
    "waybill-queue": textAttribute(queue),
    "waybill-code": textAttribute(code),
    // Before the reason: if only one of them fits, the record also has the error's message.
    ...(record !== null && { "waybill-error": textAttribute(record) }),
    ...(reason !== "" && { "waybill-reason": textAttribute(reason) }),
  };
}

/**
 * Returns `ours` and as many of `theirs`, the attributes that the message had, as SQS allows. The encoding comes first,
 * since without it the body cannot be read.
 */
export function merged(theirs: Attributes, ours: Attributes): Attributes {
  const { "waybill-encoding": encoding, "waybill-delivery": _superseded, ...others } = theirs;
  const first = encoding === undefined ? [] : [["waybill-encoding", encoding] as const];
  const rest = Object.entries(others).filter(([name]) => !(name in ours));
  return Object.fromEntries([...first, ...Object.entries(ours), ...rest].slice(0, MOST_ATTRIBUTES));
}

const HISTORY = /^attempt=([1-9]\d{0,8}) lost=(\d{1,9}) releases=(\d{1,9})(?: due=(\d{1,15}))?$/;

/** Reads a message. `attributes` are those that hold text, by name. Never throws. */
export function read(text: string, attributes: ReadonlyMap<string, string>): Read {
  const id = decoded(attributes.get("waybill-id"));
  const type = decoded(attributes.get("waybill-type"));
  const tenantText = attributes.get("waybill-tenant") ?? "";
  // A tenant begins with "=", so that the attribute of an empty one is not empty.
  const tenant = tenantText === "=" ? "" : tenantText.startsWith("=") ? decoded(tenantText.slice(1)) : null;
  const signature = signatureOf(attributes);
  const [, attempt = 1, lost = 0, releases = 0, due] = HISTORY.exec(attributes.get("waybill-delivery") ?? "") ?? [];
  return {
    id,
    label: id === null || type === null ? null : { id, type, tenant, signature },
    history: { attempt: Number(attempt), lost: Number(lost), releases: Number(releases), dueAt: momentOf(due) },
    signature,
    body: attributes.get("waybill-encoding") === "base64" ? fromBase64(text) : text,
  };
}

/** Returns the text itself if it is not base64 of UTF-8: the attribute is then another program's. */
function fromBase64(text: string): string {
  try {
    const bytes = Buffer.from(text, "base64");
    return text === "=" || bytes.toString("base64") === text ? decodeBody(bytes) : text;
  } catch {
    return text;
  }
}

/** Returns null for a text that is absent, empty or not percent-encoded: the label is then another program's. */
function decoded(text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function signatureOf(attributes: ReadonlyMap<string, string>): Signature | null {
  const timestamp = numberOf(attributes.get("webhook-timestamp"));
  const value = attributes.get("webhook-signature");
  return value === undefined || !Number.isSafeInteger(timestamp) ? null : { timestamp: Number(timestamp), value };
}

/**
 * Returns the message group of a job: the jobs of one tenant share a group, others have their own. A standard queue is
 * fair among groups, and a FIFO queue keeps order within one. A name that SQS does not accept is replaced by its hash.
 */
export function groupOf({ id, tenant }: Pick<Label, "id" | "tenant">): string {
  const name = tenant ?? id;
  return /^[!-~]{1,128}$/.test(name) ? name : createHash("sha256").update(name).digest("hex");
}
