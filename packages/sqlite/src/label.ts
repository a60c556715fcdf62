import type { Signature } from "@waybill/core";
import type { Lease, Message } from "@waybill/core/backend";

/** The handle on one delivery: the job's row, and the number drawn for this claim. */
export interface Token {
  readonly seq: number;
  readonly claim: number;
}

/** Null for a token that another backend made. */
export function tokenOf(lease: Lease): Token | null {
  const { token } = lease;
  if (typeof token !== "object" || token === null || !("seq" in token) || !("claim" in token)) return null;
  return typeof token.seq === "number" && typeof token.claim === "number"
    ? { seq: token.seq, claim: token.claim }
    : null;
}

/** The columns of `waybill_jobs` that a message fills, in the order of `insertJob`. */
export function jobRow(message: Message, dueAt: number | null, now: number): (string | number | null)[] {
  const { id, queue, type, priority, tenant, signature, body } = message;
  return [id, queue, type, priority, tenant, signature?.timestamp ?? null, signature?.value ?? null, dueAt, now, body];
}

/** One row of `headOfLine`. */
export interface HeadRow {
  readonly rank: number;
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly tenant: string | null;
  readonly signature_timestamp: number | null;
  readonly signature: string | null;
  readonly failures: number;
  readonly lost: number;
  readonly releases: number;
  readonly due_at: number | null;
  readonly body: string;
}

export function leaseOf(row: HeadRow, queue: string, claim: number, expiresAt: number): Lease {
  return {
    id: row.id,
    type: row.type,
    queue,
    priority: 0 - row.rank,
    tenant: row.tenant,
    signature: signatureOf(row.signature_timestamp, row.signature),
    body: row.body,
    attempt: row.failures + 1,
    lost: row.lost,
    releases: row.releases,
    dueAt: row.due_at,
    expiresAt,
    token: { seq: row.seq, claim } satisfies Token,
  };
}

export function signatureOf(timestamp: number | null, value: string | null): Signature | null {
  return timestamp === null || value === null ? null : { timestamp, value };
}
