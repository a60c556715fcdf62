import { createHash } from "node:crypto";
import type { DeadLetterRecord, DeadReason } from "@waybill/core";
import { momentOf } from "@waybill/core/backend";

/** An entry of an inbox that is no job, as Redis keeps it: the bytes as text, or in base64 where they are no text. */
interface Rejected {
  readonly id: string;
  readonly code: string;
  readonly message: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly body?: string;
  readonly base64?: string;
}

/** Serialises a rejected entry. */
export function rejectedEntry(bytes: Buffer, { code, message }: DeadReason, id: string): string {
  const body = bytes.toString("utf8");
  const content = Buffer.from(body).equals(bytes) ? { body } : { base64: bytes.toString("base64") };
  const entry: Rejected = { id, code, message: message.slice(0, 2_000), at: Date.now(), ...content };
  return JSON.stringify(entry);
}

export interface ReadEntry {
  readonly letter: DeadLetterRecord;
  /** The bytes that arrived; null for an entry that another program wrote. */
  readonly bytes: Buffer | null;
}

/** Parses a rejected entry. Its type is unknown, and it was never delivered. Never throws. */
export function readEntry(entry: string, queue: string): ReadEntry {
  const read = parsed(entry);
  if (read === null) return { letter: damagedLetter(entry, queue), bytes: null };
  const { id, code, message, at, body, base64 } = read;
  const bytes = base64 === undefined ? Buffer.from(body ?? "") : Buffer.from(base64, "base64");
  const text = body ?? bytes.toString("latin1");
  return { letter: { id, type: "", queue, reason: { code, message }, attempt: 0, diedAt: at, body: text }, bytes };
}

/** The id is the hash of the text, so that it stays the same until it is dropped. */
function damagedLetter(entry: string, queue: string): DeadLetterRecord {
  const id = `damaged-${createHash("sha256").update(entry).digest("hex").slice(0, 32)}`;
  const damage = "another program wrote this entry of the rejected list: it does not say what arrived";
  return { id, type: "", queue, reason: { code: "", message: "" }, attempt: 0, diedAt: null, body: entry, damage };
}

function parsed(entry: string): Rejected | null {
  try {
    const value: unknown = JSON.parse(entry);
    return isRejected(value) ? value : null;
  } catch {
    return null;
  }
}

function isRejected(value: unknown): value is Rejected {
  if (typeof value !== "object" || value === null) return false;
  const { id, code, message, at, body, base64 } = value as { readonly [Name in keyof Rejected]: unknown };
  const isText = (member: unknown): boolean => typeof member === "string";
  const isMoment = typeof at === "number" && momentOf(at) !== null;
  return [id, code, message].every(isText) && isMoment && (isText(base64) || (base64 === undefined && isText(body)));
}
