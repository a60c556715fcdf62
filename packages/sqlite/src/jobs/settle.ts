import type { DatabaseSync } from "node:sqlite";
import type { Result, DeadReason } from "@waybill/core";
import { type Lease, leaseLost, type RetryRequest, serialiseError } from "@waybill/core/backend";
import { RowRefused } from "../errors.ts";
import { prepareOn } from "../sql/statement.ts";
import { createJobState } from "./job-state.ts";
import { tokenOf } from "./lease.ts";
import { createLimitKeys } from "./limit-keys.ts";
import type { Retention } from "./retention.ts";
import { createUniqueKeys } from "./unique.ts";

/**
 * Ends and extends leases, within a transaction that the caller began. A lease is judged by its token: it holds until it is
 * settled, or until it has run out and another worker has leased the job.
 */
export interface Settle {
  ack(leases: readonly Lease[]): Result<null>[];
  /** Throws `LEASE_LOST` before anything is written. */
  retry(lease: Lease, request: RetryRequest): void;
  /** Throws `LEASE_LOST` before anything is written, and `RowRefused`. */
  deadLetter(lease: Lease, reason: DeadReason): void;
  extend(leases: readonly Lease[], leaseMs: number): Result<number>[];
}

export function createSettle(db: DatabaseSync, now: () => number, retention: Retention): Settle {
  const state = createJobState(db);
  const uniqueKeys = createUniqueKeys(db, state);
  const limitKeys = createLimitKeys(db);
  const prepare = prepareOn(db);
  const end = prepare("DELETE FROM waybill_leases WHERE seq = ? AND token = ?");
  const extend = prepare("UPDATE waybill_leases SET leased_at = ?, lease_ms = ? WHERE seq = ? AND token = ?");
  const count = prepare(
    "UPDATE waybill_jobs SET failures = failures + ?, releases = releases + ?, due_at = ? WHERE seq = ?",
  );
  // Replaces a dead letter of the same job, which another program wrote.
  const kill = prepare(
    "INSERT OR REPLACE INTO waybill_dead (seq, code, message, error, attempt, died_at) VALUES (?, ?, ?, ?, ?, ?)",
  );

  /** Ends the lease and returns the position of its job; null when the lease had ended. */
  function endLease(lease: Lease): string | null {
    const token = tokenOf(lease);
    if (token === null || Number(end.run(token.seq, token.number).changes) === 0) return null;
    if (token.limitKeys !== undefined) limitKeys.ended(token.seq, token.limitKeys);
    return token.seq;
  }

  function endOrThrow(lease: Lease): string {
    const seq = endLease(lease);
    if (seq === null) throw leaseLost(lease.id);
    return seq;
  }

  return {
    ack(leases) {
      const done: Lease[] = [];
      const results = leases.map((lease): Result<null> => {
        const seq = endLease(lease);
        if (seq === null) return { ok: false, error: leaseLost(lease.id) };
        state.remove(seq);
        done.push(lease);
        return { ok: true, value: null };
      });
      retention.remember(done);
      return results;
    },
    retry(lease, { delayMs, countsAttempt }) {
      const seq = endOrThrow(lease);
      const at = now();
      const dueAt = delayMs > 0 ? Math.ceil(at + delayMs) : null;
      count.run(countsAttempt ? 1 : 0, countsAttempt ? 0 : 1, dueAt, seq);
      if (dueAt !== null) return state.delay(dueAt, seq, at);
      // A released job keeps its position in line; a failed one goes to the end.
      state.makeReady(countsAttempt ? (state.moveToEnd(null, seq) ?? Number.NaN) : seq);
    },
    deadLetter(lease, { code, message, error }) {
      const seq = endOrThrow(lease);
      uniqueKeys.free(seq);
      const { changes } = kill.run(seq, code, message.slice(0, 2_000), serialiseError(error), lease.attempt, now());
      if (Number(changes) === 0) throw new RowRefused(`job "${lease.id}" was not dead-lettered`, "waybill_dead");
    },
    extend(leases, leaseMs) {
      const at = now();
      const isExtended = (lease: Lease): boolean => {
        const token = tokenOf(lease);
        return token !== null && Number(extend.run(at, Math.ceil(leaseMs), token.seq, token.number).changes) === 1;
      };
      return leases.map((lease): Result<number> =>
        isExtended(lease) ? { ok: true, value: at + leaseMs } : { ok: false, error: leaseLost(lease.id) },
      );
    },
  };
}
