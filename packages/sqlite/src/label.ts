import type { DeadReason, Signature } from "@waybill/core";
import { countOf, decodeBody, type Lease, type Message, momentOf, numberOf, textOf } from "@waybill/core/backend";

/** The handle on one delivery: the job's row, and the number drawn for this claim. */
export interface Token {
  /** As text: another program's may be beyond 2^53. SQLite compares it as the integer that it is. */
  readonly seq: string;
  readonly claim: number;
}

/** Null for a token that another backend made. */
export function tokenOf(lease: Lease): Token | null {
  const { token } = lease;
  if (typeof token !== "object" || token === null || !("seq" in token) || !("claim" in token)) return null;
  return typeof token.seq === "string" && typeof token.claim === "number"
    ? { seq: token.seq, claim: token.claim }
    : null;
}

/** The columns of `waybill_jobs` that a message fills, in the order of `insertJob`. */
export function jobRow(message: Message, dueAt: number | null, now: number): (string | number | null)[] {
  const { id, queue, type, priority, tenant, signature, body } = message;
  return [id, queue, type, priority, tenant, signature?.timestamp ?? null, signature?.value ?? null, dueAt, now, body];
}

/** One row of `headOfLine`: a place in the line, and a job that any program may have written. */
export interface HeadRow {
  readonly rank: number;
  readonly seq: string;
  readonly [column: string]: unknown;
}

/** `bytesOf` reads the bytes of the body of one job; null when there are none. */
export function leaseOf(
  row: HeadRow,
  queue: string,
  { claim, expiresAt }: { readonly claim: number; readonly expiresAt: number },
  bytesOf: (seq: string) => Uint8Array | null,
): Lease {
  const { rank, seq } = row;
  return {
    id: textOf(row["id"]) ?? "",
    type: textOf(row["type"]) ?? "",
    queue,
    priority: 0 - rank,
    tenant: textOf(row["tenant"]),
    signature: signatureOf(row["signature_timestamp"], row["signature"]),
    ...contentOf(row["body"], () => bytesOf(seq)),
    attempt: countOf(row["failures"], 0) + 1,
    lost: countOf(row["lost"], 0),
    releases: countOf(row["releases"], 0),
    dueAt: momentOf(row["due_at"]),
    expiresAt,
    token: { seq, claim } satisfies Token,
  };
}

/** Bytes that are not UTF-8 come as text with U+FFFD in their place, so that a body with one is read again. */
function contentOf(
  body: unknown,
  bytes: () => Uint8Array | null,
): { readonly body: string; readonly damage?: DeadReason } {
  if (typeof body === "string" && !body.includes("\uFFFD")) return { body };
  try {
    return { body: decodeBody(bytes() ?? new Uint8Array()) };
  } catch {
    return { body: "", damage: { code: "ENCODING_INVALID", message: "the stored body is not UTF-8" } };
  }
}

export function signatureOf(timestamp: unknown, value: unknown): Signature | null {
  const [signedAt, text] = [numberOf(timestamp), textOf(value)];
  return signedAt === null || text === null ? null : { timestamp: signedAt, value: text };
}
