import { createHash } from "node:crypto";
import type { DeadReason, Signature } from "@waybill/core";
import { decodeBody, type Message, momentOf, numberOf } from "@waybill/core/backend";
import { type Attributes, isPlain, MOST_ATTRIBUTES, textAttribute } from "./attributes.ts";

/** What a backend may know of a job. The body is not part of it. */
export type Label = Pick<Message, "id" | "type" | "tenant" | "signature">;

/** What has become of a job so far, carried from copy to copy. */
export interface History {
  readonly attempt: number;
  readonly lost: number;
  readonly releases: number;
  /** Unix milliseconds, on the clock of whoever asked for the wait; null: due at once. */
  readonly dueAt: number | null;
}

export const newborn: History = { attempt: 1, lost: 0, releases: 0, dueAt: null };

/** Everything that attributes say, of our message or a foreign one. */
export interface Read {
  /** As the attributes have it, even where there is no label; null when they have none. */
  readonly id: string | null;
  /** Null when the message was not written by waybill: only the body can tell. */
  readonly label: Label | null;
  readonly history: History;
  readonly signature: Signature | null;
  /** The body as it was given to `enqueue`. */
  readonly body: string;
}

/** Text as SQS takes it: unchanged, or as base64 when it holds characters that SQS refuses. */
export function toWire(body: string): { readonly text: string; readonly encoding: Attributes } {
  if (body !== "" && isPlain(body)) return { text: body, encoding: {} };
  // A body of no bytes has no base64 either; SQS wants at least one character.
  const text = body === "" ? "=" : Buffer.from(body).toString("base64");
  return { text, encoding: { "waybill-encoding": textAttribute("base64") } };
}

/** Without a type, which SQS would refuse to carry empty, it is the label of what is no job. */
export function labelAttributes({ id, type, tenant, signature }: Label): Attributes {
  return {
    "waybill-id": textAttribute(encodeURIComponent(id)),
    ...(type !== "" && { "waybill-type": textAttribute(encodeURIComponent(type)) }),
    ...(tenant !== null && { "waybill-tenant": textAttribute(`=${encodeURIComponent(tenant)}`) }),
    ...(signature !== null && {
      "webhook-timestamp": textAttribute(String(signature.timestamp)),
      "webhook-signature": textAttribute(signature.value),
    }),
  };
}

/** Absent on a first delivery that nobody delayed. */
export function historyAttributes({ attempt, lost, releases, dueAt }: History): Attributes {
  if (attempt === 1 && lost === 0 && releases === 0 && dueAt === null) return {};
  const due = dueAt === null ? "" : ` due=${dueAt}`;
  return { "waybill-delivery": textAttribute(`attempt=${attempt} lost=${lost} releases=${releases}${due}`) };
}

export function deadAttributes(queue: string, { code, message }: DeadReason): Attributes {
  const reason = message
    .slice(0, 2_000)
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
  return {
    "waybill-queue": textAttribute(queue),
    "waybill-code": textAttribute(code),
    ...(reason !== "" && { "waybill-reason": textAttribute(reason) }),
  };
}

/**
 * Ours over what was there already, which is another program's and kept as far as SQS has room. How the text is to be
 * read comes first: without it the bytes are lost.
 */
export function merged(theirs: Attributes, ours: Attributes): Attributes {
  const { "waybill-encoding": encoding, "waybill-delivery": _superseded, ...others } = theirs;
  const kept = Object.entries(others).filter(([name]) => !(name in ours));
  const first = encoding === undefined ? [] : [["waybill-encoding", encoding] as const];
  return Object.fromEntries([...first, ...Object.entries(ours), ...kept].slice(0, MOST_ATTRIBUTES));
}

const HISTORY = /^attempt=([1-9]\d{0,8}) lost=(\d{1,9}) releases=(\d{1,9})(?: due=(\d{1,15}))?$/;

/** `attributes` by name, as strings: SQS and Lambda spell their values differently. */
export function read(text: string, attributes: ReadonlyMap<string, string>): Read {
  const id = plain(attributes.get("waybill-id"));
  const type = plain(attributes.get("waybill-type"));
  const tenant = tenantOf(attributes.get("waybill-tenant"));
  const signature = signatureOf(attributes);
  const [, attempt, lost, releases, due] = HISTORY.exec(attributes.get("waybill-delivery") ?? "") ?? [];
  return {
    id,
    label: id === null || type === null ? null : { id, type, tenant, signature },
    history: {
      attempt: Number(attempt ?? 1),
      lost: Number(lost ?? 0),
      releases: Number(releases ?? 0),
      dueAt: momentOf(due),
    },
    signature,
    body: attributes.get("waybill-encoding") === "base64" ? fromBase64(text) : text,
  };
}

/** The text as it is where it is no base64 of UTF-8: the attribute is then another program's. */
function fromBase64(text: string): string {
  try {
    const bytes = Buffer.from(text, "base64");
    return text === "=" || bytes.toString("base64") === text ? decodeBody(bytes) : text;
  } catch {
    return text;
  }
}

/** Ours begins with "=", so that it is never empty. */
const tenantOf = (text: string | undefined): string | null =>
  text?.startsWith("=") === true ? plain(text.slice(1), "") : null;

/** Null for what is absent, empty or no percent-encoded text: the label is then another program's. */
function plain(text: string | undefined, empty: "" | null = null): string | null {
  if (text === undefined) return null;
  if (text === "") return empty;
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
 * Whose turn it is: jobs of one tenant share a group, others stand alone. A standard queue uses it to be fair, a FIFO
 * queue to keep order. A tenant that SQS does not take as a group's name stands by its hash.
 */
export function groupOf({ id, tenant }: Pick<Label, "id" | "tenant">): string {
  const name = tenant ?? id;
  return /^[!-~]{1,128}$/.test(name) ? name : createHash("sha256").update(name).digest("hex");
}
