import type { DatabaseSync } from "node:sqlite";
import type { Answer, DeadReason } from "@waybill/core";
import type { Lease, RetryRequest } from "@waybill/core/backend";
import { leaseLost } from "./errors.ts";
import { tokenOf } from "./label.ts";
import { prepare } from "./prepare.ts";
import type { Retention } from "./retention.ts";
import { delayJob, joinLine } from "./sql/enqueue.ts";
import { bury, countSettle, endLease, extendLease, removeJob } from "./sql/settle.ts";
import { moveToEnd } from "./sql/upkeep.ts";

/** Ends leases, within a transaction that the caller began. Judged by token; a lease is ours while nobody took it over. */
export interface Settle {
  ack(leases: readonly Lease[]): Answer<null>[];
  /** Throws LEASE_LOST, before anything is written. */
  retry(lease: Lease, request: RetryRequest): void;
  /** Throws LEASE_LOST, before anything is written. */
  deadLetter(lease: Lease, reason: DeadReason): void;
  extend(leases: readonly Lease[], leaseMs: number): Answer<number>[];
}

export function createSettle(db: DatabaseSync, now: () => number, retention: Retention): Settle {
  const end = prepare(db, endLease);
  const remove = prepare(db, removeJob);
  const prolong = prepare(db, extendLease);
  const count = prepare(db, countSettle);
  const join = prepare(db, joinLine);
  const toEnd = prepare(db, moveToEnd);
  const delay = prepare(db, delayJob);
  const lay = prepare(db, bury);

  /** The seq of a lease that was ours until now; null when it no longer was. */
  function release(lease: Lease): string | null {
    const token = tokenOf(lease);
    return token !== null && Number(end.run(token.seq, token.claim).changes) === 1 ? token.seq : null;
  }

  function mustRelease(lease: Lease): string {
    const seq = release(lease);
    if (seq === null) throw leaseLost(lease.id);
    return seq;
  }

  return {
    ack(leases) {
      const done: Lease[] = [];
      const answers = leases.map((lease): Answer<null> => {
        const seq = release(lease);
        if (seq === null) return { ok: false, error: leaseLost(lease.id) };
        remove.run(seq);
        done.push(lease);
        return { ok: true, value: null };
      });
      retention.remember(done);
      return answers;
    },
    retry(lease, { delayMs, countsAttempt }) {
      const held = mustRelease(lease);
      const at = now();
      const dueAt = delayMs > 0 ? Math.ceil(at + delayMs) : null;
      count.run(countsAttempt ? 1 : 0, countsAttempt ? 0 : 1, dueAt, held);
      if (dueAt !== null) {
        delay.run(dueAt, held, at);
        return;
      }
      // Handed back untried, a job keeps its place in line; failed, it goes to the end.
      const seq = countsAttempt ? Number(toEnd.get(null, held)?.["seq"]) : held;
      join.run(seq, seq);
    },
    deadLetter(lease, reason) {
      const seq = mustRelease(lease);
      lay.run(seq, reason.code, reason.message.slice(0, 2_000), lease.attempt, now());
    },
    extend(leases, leaseMs) {
      const at = now();
      return leases.map((lease): Answer<number> => {
        const token = tokenOf(lease);
        const held =
          token !== null && Number(prolong.run(at, Math.ceil(leaseMs), token.seq, token.claim).changes) === 1;
        return held ? { ok: true, value: at + leaseMs } : { ok: false, error: leaseLost(lease.id) };
      });
    },
  };
}
