import { type Answer, type DeadReason, WaybillError } from "@waybill/core";
import type { Capabilities, Lease, RetryRequest } from "@waybill/core/backend";
import type { Query } from "./database.ts";
import { leaseLost } from "./errors.ts";
import { arrayLiteral, claimOf } from "./label.ts";

export interface Settle {
  ack(query: Query, leases: readonly Lease[]): Promise<Answer<null>[]>;
  retry(query: Query, lease: Lease, request: RetryRequest, told: readonly string[]): Promise<void>;
  deadLetter(query: Query, lease: Lease, reason: DeadReason): Promise<void>;
  extend(query: Query, leases: readonly Lease[], leaseMs: number): Promise<Answer<number>[]>;
}

/** `remember`: finished jobs are kept for people to look at. */
export function createSettle(schema: string, limits: Capabilities, remember: boolean): Settle {
  const sql = {
    ack: `SELECT ack AS id FROM "${schema}".ack($1::text::text[], $2::text::bigint[], $3::text::boolean)`,
    retry: `SELECT retry AS id FROM "${schema}".retry($1::text, $2::text::bigint, $3::text::float8, $4::text::boolean,
      $5::text::text[])`,
    bury: `SELECT bury AS id FROM "${schema}".bury($1::text, $2::text::bigint, $3::text, $4::text)`,
    extend: `SELECT id, ends_in_ms FROM "${schema}".extend($1::text::text[], $2::text::bigint[], $3::text::float8)`,
  };

  return {
    async ack(query, leases) {
      if (leases.length === 0) return [];
      const rows = await query(sql.ack, [...handlesOf(leases), String(remember)]);
      const gone = new Set(rows.map((row) => (row as { id: string }).id));
      return leases.map(({ id }) => (gone.delete(id) ? done : { ok: false, error: leaseLost(id) }));
    },
    async retry(query, lease, { delayMs, countsAttempt }, told) {
      if (delayMs > limits.maxRetryDelayMs) throw tooLong(lease, "delay", limits.maxRetryDelayMs);
      const delay = delayMs > 0 ? String(delayMs) : null;
      const rows = await query(sql.retry, [lease.id, claimOf(lease), delay, String(countsAttempt), arrayLiteral(told)]);
      if (rows.length === 0) throw leaseLost(lease.id);
    },
    async deadLetter(query, lease, { code, message }) {
      const rows = await query(sql.bury, [lease.id, claimOf(lease), code, storable(message)]);
      if (rows.length === 0) throw leaseLost(lease.id);
    },
    async extend(query, leases, leaseMs) {
      if (leases.length === 0) return [];
      if (leaseMs > limits.maxLeaseMs) {
        return leases.map((lease) => ({ ok: false, error: tooLong(lease, "lease", limits.maxLeaseMs) }));
      }
      const askedAt = Date.now();
      const rows = await query(sql.extend, [...handlesOf(leases), String(leaseMs)]);
      const ends = new Map(
        (rows as readonly { id: string; ends_in_ms: number }[]).map((row) => [row.id, row.ends_in_ms]),
      );
      return leases.map(({ id }) => {
        const endsInMs = ends.get(id);
        if (endsInMs === undefined) return { ok: false, error: leaseLost(id) };
        return { ok: true, value: askedAt + endsInMs };
      });
    },
  };
}

const done: Answer<null> = { ok: true, value: null };

/** Ids and claims, as `ack()` and `extend()` take them. */
export const handlesOf = (leases: readonly Lease[]): [string, string] => [
  arrayLiteral(leases.map(({ id }) => id)),
  arrayLiteral(leases.map(claimOf)),
];

/** The first 2,000 characters, without the one that text cannot hold. */
export const storable = (message: string): string => message.slice(0, 2_000).replaceAll("\0", "\uFFFD");

export function tooLong({ id }: { readonly id: string }, what: string, mostMs: number): WaybillError {
  return new WaybillError(
    "CAPABILITY_MISSING",
    `a ${what} of job "${id}" is longer than ${mostMs} ms; ask for a shorter one`,
  );
}
