import { randomInt } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Lease, LeaseRequest } from "@waybill/core/backend";
import { type HeadRow, leaseOf } from "./label.ts";
import { prepare } from "./prepare.ts";
import { anyReady, bytesOfBody, headOfLine, heldByClaim, leaseHead, leaveLine } from "./sql/lease.ts";

export interface Claim {
  /** Whether the queue has a ready job. Reads only. */
  any(queue: string): boolean;
  /** Leases the head of the line within a transaction that the caller began. */
  take(request: Pick<LeaseRequest, "queue" | "limit" | "leaseMs">): Lease[];
}

/** Claim numbers are drawn, so that no process needs to know another's. */
const CLAIM_NUMBERS = 2 ** 48 - 1;

export function createClaim(db: DatabaseSync, now: () => number): Claim {
  const ready = prepare(db, anyReady);
  const head = prepare(db, headOfLine);
  const lease = prepare(db, leaseHead);
  const leave = prepare(db, leaveLine);
  const held = prepare(db, heldByClaim);
  const bytes = prepare(db, bytesOfBody);
  const bytesOf = (seq: string): Uint8Array | null => (bytes.get(seq)?.["bytes"] ?? null) as Uint8Array | null;

  function heldOf(rows: readonly HeadRow[], claim: number): HeadRow[] {
    const seqs = new Set(held.all(claim).map((row) => row["seq"]));
    return rows.filter(({ seq }) => seqs.delete(seq));
  }

  return {
    any: (queue) => ready.get(queue) !== undefined,
    take({ queue, limit, leaseMs }) {
      for (;;) {
        const rows = head.all(queue, limit) as unknown as HeadRow[];
        if (rows.length === 0) return [];
        const claim = randomInt(CLAIM_NUMBERS);
        const at = now();
        const { changes } = lease.run(claim, at, Math.ceil(leaseMs), queue, rows.length);
        leave.run(queue, rows.length);
        const ours = Number(changes) === rows.length ? rows : heldOf(rows, claim);
        if (ours.length === 0) continue;
        return ours.map((row) => leaseOf(row, queue, { claim, expiresAt: at + leaseMs }, bytesOf));
      }
    },
  };
}
