import { randomInt } from "node:crypto";
import type { Lease, LeaseRequest } from "@waybill/core/backend";
import type { Query } from "./database.ts";
import { claimOf, type ClaimedRow, leaseOf } from "./label.ts";
import { handlesOf } from "./settle.ts";

export interface Claim {
  /** Leases the head of the line; looks once. */
  take(request: Pick<LeaseRequest, "queue" | "limit" | "leaseMs">): Promise<Lease[]>;
  /** Puts leases back as if they had never been given. */
  handBack(leases: readonly Lease[]): Promise<void>;
}

/** Claim numbers are drawn, so that no process needs to know another's. 0 is nobody's. */
const CLAIM_NUMBERS = 2 ** 48 - 1;
const MOST = 1_000;

export function createClaim(query: Query, schema: string): Claim {
  const take = `SELECT seq, id, type, rank, tenant, signature, signature_timestamp, failures, lost, releases, late_ms, body
    FROM "${schema}".claim($1::text, $2::text::integer, $3::text::float8, $4::text::bigint)`;
  const handBack = `SELECT * FROM "${schema}".hand_back($1::text::text[], $2::text::bigint[])`;
  return {
    async take({ queue, limit, leaseMs }) {
      const claim = String(randomInt(1, CLAIM_NUMBERS));
      const askedAt = Date.now();
      const rows = (await query(take, [queue, String(Math.min(limit, MOST)), String(leaseMs), claim])) as ClaimedRow[];
      if (rows.some((row, index) => index > 0 && comesBefore(row, rows[index - 1] ?? row))) {
        rows.sort((a, b) => (comesBefore(a, b) ? -1 : 1));
      }
      return rows.map((row) => leaseOf(row, queue, claim, askedAt, leaseMs));
    },
    async handBack(leases) {
      if (leases.every((lease) => claimOf(lease) === "0")) return;
      await query(handBack, handlesOf(leases));
    },
  };
}

/** The server answers in the order of the line, though it does not promise to. */
function comesBefore(a: ClaimedRow, b: ClaimedRow): boolean {
  return a.rank === b.rank ? Number(a.seq) < Number(b.seq) : a.rank < b.rank;
}
