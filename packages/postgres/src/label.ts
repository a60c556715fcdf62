import type { Signature } from "@waybill/core";
import { countOf, type Lease, type Message, momentOf } from "@waybill/core/backend";

/** One row of `claim()`; bigints arrive as text. */
export interface ClaimedRow {
  readonly seq: string;
  readonly id: string;
  readonly type: string;
  readonly rank: number;
  readonly tenant: string | null;
  readonly signature: string | null;
  readonly signature_timestamp: string | null;
  readonly failures: number;
  readonly lost: number;
  readonly releases: number;
  /** How long the job has been due, on the server's clock; null when it was never delayed. */
  readonly late_ms: number | null;
  readonly body: string;
}

/** `askedAt` is Unix ms on this process's clock, before the claim was sent: no lease is ever thought longer than it is. */
export function leaseOf(row: ClaimedRow, queue: string, claim: string, askedAt: number, leaseMs: number): Lease {
  return {
    id: row.id,
    type: row.type,
    queue,
    priority: 0 - row.rank,
    tenant: row.tenant,
    signature: signatureOf(row.signature_timestamp, row.signature),
    body: row.body,
    attempt: countOf(row.failures, 0) + 1,
    lost: countOf(row.lost, 0),
    releases: countOf(row.releases, 0),
    dueAt: row.late_ms === null ? null : momentOf(Math.floor(askedAt - row.late_ms)),
    expiresAt: askedAt + leaseMs,
    token: claim,
  };
}

export function signatureOf(timestamp: string | null, value: string | null): Signature | null {
  return timestamp === null || value === null ? null : { timestamp: Number(timestamp), value };
}

/** "0", which nobody is ever given, for a token that another backend made. */
export const claimOf = ({ token }: Lease): string =>
  typeof token === "string" && /^\d{1,15}$/.test(token) ? token : "0";

/** The parameters of `enqueue()`, but for the last: one array literal a column, which every driver carries as text. */
export function columnsOf(messages: readonly Message[]): string[] {
  const column = (value: (message: Message) => string | number | null): string => arrayLiteral(messages.map(value));
  return [
    column(({ id }) => id),
    column(({ queue }) => queue),
    column(({ type }) => type),
    column(({ priority }) => priority),
    column(({ delayMs }) => (delayMs > 0 ? delayMs : null)),
    column(({ tenant }) => tenant),
    column(({ signature }) => signature?.value ?? null),
    column(({ signature }) => signature?.timestamp ?? null),
    column(({ body }) => body),
  ];
}

/** PostgreSQL's text form of an array. */
export function arrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => (typeof value === "string" ? quoted(value) : String(value))).join(",")}}`;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
