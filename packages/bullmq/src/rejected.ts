import { randomUUID } from "node:crypto";
import type { DeadLetter, DeadReason } from "@waybill/core";

/** An entry of an inbox that is no job, as it is kept: the bytes as text, or in base64 where they are no text. */
interface Rejected {
  readonly id: string;
  readonly code: string;
  readonly message: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly body?: string;
  readonly base64?: string;
}

export function rejectedEntry(bytes: Buffer, { code, message }: DeadReason): string {
  const body = bytes.toString("utf8");
  const content = Buffer.from(body).equals(bytes) ? { body } : { base64: bytes.toString("base64") };
  const entry: Rejected = { id: randomUUID(), code, message: message.slice(0, 2_000), at: Date.now(), ...content };
  return JSON.stringify(entry);
}

export function bytesOf(entry: string): Buffer {
  const { body, base64 } = JSON.parse(entry) as Rejected;
  return base64 === undefined ? Buffer.from(body ?? "") : Buffer.from(base64, "base64");
}

/** It has no type that anybody could know, and was never delivered. */
export function letterOf(entry: string, queue: string): DeadLetter {
  const { id, code, message, at, body } = JSON.parse(entry) as Rejected;
  const text = body ?? bytesOf(entry).toString("latin1");
  return { id, type: "", queue, reason: { code, message }, attempt: 0, diedAt: at, body: text };
}
