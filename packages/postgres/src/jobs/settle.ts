import type { Result, DeadReason } from "@waybill/core";
import {
  type Capabilities,
  type Lease,
  leaseLost,
  type RetryRequest,
  serialiseError,
  tooLong,
} from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";
import { idsAndTokens, tokenOf } from "./lease.ts";

/** Ends and extends leases, each call in one statement of `query`. A lease is judged by its token. */
export interface Settle {
  ack(query: Query, leases: readonly Lease[]): Promise<Result<null>[]>;
  /** `notified` names the queues whose waiting workers are notified when the statement commits. */
  retry(query: Query, lease: Lease, request: RetryRequest, notified: readonly string[]): Promise<void>;
  deadLetter(query: Query, lease: Lease, reason: DeadReason): Promise<void>;
  extend(query: Query, leases: readonly Lease[], leaseMs: number): Promise<Result<number>[]>;
}

/** `remember`: whether finished jobs are kept, as `retainFinished` says. */
export function createSettle(schema: string, limits: Capabilities, remember: boolean): Settle {
  const sql = {
    ack: `SELECT ack AS id FROM "${schema}".ack($1::text::text[], $2::text::bigint[], $3::text::boolean)`,
    retry: `SELECT retry AS id FROM "${schema}".retry($1::text, $2::text::bigint, $3::text::float8, $4::text::boolean,
      $5::text::text[])`,
    deadLetter: `SELECT 1 FROM "${schema}".dead_letter($1::text, $2::text::bigint, $3::text, $4::text, $5::text)`,
    extend: `SELECT id, ends_in_ms FROM "${schema}".extend($1::text::text[], $2::text::bigint[], $3::text::float8)`,
  };

  return {
    async ack(query, leases) {
      if (leases.length === 0) return [];
      const rows = await query(sql.ack, [...idsAndTokens(leases), String(remember)]);
      const done = new Set(rows.map((row) => (row as { id: string }).id));
      return leases.map(({ id }) =>
        done.delete(id) ? { ok: true, value: null } : { ok: false, error: leaseLost(id) },
      );
    },
    async retry(query, lease, { delayMs, countsAttempt }, notified) {
      const { maxRetryDelayMs } = limits;
      if (delayMs > maxRetryDelayMs) throw tooLong("retry delay", lease.id, delayMs, maxRetryDelayMs);
      const parameters = [lease.id, tokenOf(lease), delayMs > 0 ? String(delayMs) : null, String(countsAttempt)];
      const rows = await query(sql.retry, [...parameters, arrayLiteral(notified)]);
      if (rows.length === 0) throw leaseLost(lease.id);
    },
    async deadLetter(query, lease, { code, message, error }) {
      const parameters = [lease.id, tokenOf(lease), code, storable(message), serialiseError(error)];
      const rows = await query(sql.deadLetter, parameters);
      if (rows.length === 0) throw leaseLost(lease.id);
    },
    async extend(query, leases, leaseMs) {
      if (leases.length === 0) return [];
      if (leaseMs > limits.maxLeaseMs) {
        return leases.map(({ id }) => ({ ok: false, error: tooLong("lease", id, leaseMs, limits.maxLeaseMs) }));
      }
      const askedAt = Date.now();
      const rows = await query(sql.extend, [...idsAndTokens(leases), String(leaseMs)]);
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

/** Returns the first 2,000 characters, with U+FFFD for U+0000, which text cannot hold. */
export const storable = (message: string): string => message.slice(0, 2_000).replaceAll("\0", "\uFFFD");
