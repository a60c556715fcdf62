import type { DatabaseSync } from "node:sqlite";
import { clamped } from "../sql/columns.ts";
import { isSetBack } from "../file/clock-skew.ts";
import { prepareOn } from "../sql/statement.ts";
import type { Inbox } from "./inbox.ts";
import { createJobState } from "./job-state.ts";
import { createLimitKeys, limitKeysOf } from "./limit-keys.ts";
import type { Retention } from "./retention.ts";
import type { Sweep } from "./sweep.ts";

/** Ends delays and leases, admits inbox rows, and repairs times after a clock was set back. Waiting `lease` calls run it. */
export interface Maintenance {
  /** Whether something is to be done now, without what may be late. Reads only. */
  isDue(): boolean;
  /** Whether something that may be late has waited long enough. Reads only. */
  isSweepDue(): boolean;
  /** The Unix ms of the next end of a delay or lease; null for none. Reads only. */
  nextAt(): number | null;
  /** Within a transaction: makes due jobs ready and admits inbox rows. Returns true when there was more than one slice. */
  run(): boolean;
  /** The transaction of the last `run` is on disk. */
  committed(): void;
  /** Within a transaction: does what may be late. */
  sweep(): void;
  /** Within a transaction: makes the jobs of ended leases ready and counts them as lost. Returns whether there were any. */
  endLeases(): boolean;
}

interface Horizon {
  readonly next_due: number | null;
  readonly last_delayed: number | null;
  readonly oldest_finished: number | null;
  readonly arrived: number;
}

interface LeaseHorizon {
  readonly next_end: number | null;
  readonly last_leased: number | null;
}

/** Jobs made ready in one transaction, so that it stays short. */
const SLICE = 500;

export function createMaintenance(
  db: DatabaseSync,
  now: () => number,
  retention: Retention,
  inbox: Inbox,
  sweeps: readonly Sweep[],
): Maintenance {
  const state = createJobState(db);
  const limitKeys = createLimitKeys(db);
  const prepare = prepareOn(db);
  const horizon = prepare(`SELECT
       (SELECT ${clamped("min(due_at)")} FROM waybill_delayed) AS next_due,
       (SELECT ${clamped("max(delayed_at)")} FROM waybill_delayed) AS last_delayed,
       (SELECT ${clamped("finished_at")} FROM waybill_finished ORDER BY upto LIMIT 1) AS oldest_finished,
       EXISTS (SELECT 1 FROM waybill_inbox) AS arrived`);
  const leaseHorizon =
    prepare(`SELECT ${clamped("min(leased_at + lease_ms)")} AS next_end, ${clamped("max(leased_at)")} AS last_leased
     FROM waybill_leases`);
  const due = prepare("SELECT due_at, seq FROM waybill_delayed WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?");
  due.setReadBigInts(true);
  const endDelay = prepare("DELETE FROM waybill_delayed WHERE due_at = ? AND seq = ?");
  const countLost = prepare(`UPDATE waybill_jobs SET lost = lost + 1
     WHERE seq IN (SELECT seq FROM waybill_leases WHERE leased_at + lease_ms <= ?)`);
  const makeReady = prepare(`INSERT OR IGNORE INTO waybill_ready (queue, rank, seq)
     SELECT job.queue, -job.priority, job.seq
     FROM waybill_leases AS lease CROSS JOIN waybill_jobs AS job ON job.seq = lease.seq
     WHERE lease.leased_at + lease.lease_ms <= ?`);
  const limited = prepare(`SELECT CAST(job.seq AS TEXT) AS seq, CAST(job.limit_keys AS TEXT) AS limit_keys
     FROM waybill_leases AS lease CROSS JOIN waybill_jobs AS job ON job.seq = lease.seq
     WHERE lease.leased_at + lease.lease_ms <= ? AND job.limit_keys IS NOT NULL`);
  const endLeases = prepare("DELETE FROM waybill_leases WHERE leased_at + lease_ms <= ?");
  // What begins in the future was stored before the clock was set back: its length counts from now.
  const restartLeases = prepare("UPDATE waybill_leases SET leased_at = ? WHERE leased_at > ?");
  const restartDelays = prepare(
    "UPDATE OR REPLACE waybill_delayed SET due_at = due_at - delayed_at + ?, delayed_at = ? WHERE delayed_at > ?",
  );

  const readHorizon = (): Horizon => horizon.get() as unknown as Horizon;
  const readLeaseHorizon = (): LeaseHorizon => leaseHorizon.get() as unknown as LeaseHorizon;

  /** Returns whether there may be more due jobs. */
  function endDelays(at: number): boolean {
    const rows = due.all(at, SLICE) as unknown as { due_at: number | bigint; seq: bigint }[];
    for (const { due_at, seq } of rows) {
      const moved = state.moveToEnd(due_at, seq);
      endDelay.run(due_at, seq);
      if (moved !== null) state.makeReady(moved);
    }
    return rows.length === SLICE;
  }

  return {
    isDue() {
      const at = now();
      const { next_due, last_delayed, oldest_finished, arrived } = readHorizon();
      const { next_end, last_leased } = readLeaseHorizon();
      const isSkewed = isSetBack(last_delayed, at) || isSetBack(last_leased, at);
      const isEnded = Math.min(next_due ?? Infinity, next_end ?? Infinity) <= at;
      return arrived === 1 || isEnded || isSkewed || retention.isOver(oldest_finished);
    },
    isSweepDue: () => sweeps.some((one) => one.isDue()),
    nextAt() {
      const next = Math.min(readHorizon().next_due ?? Infinity, readLeaseHorizon().next_end ?? Infinity);
      return next === Infinity ? null : next;
    },
    run() {
      const at = now();
      const { next_due, last_delayed, oldest_finished, arrived } = readHorizon();
      if (isSetBack(last_delayed, at)) restartDelays.run(at, at, at);
      const moreDue = next_due !== null && next_due <= at && endDelays(at);
      const moreArrived = arrived === 1 && inbox.admitSome() > 0;
      if (retention.isOver(oldest_finished)) retention.removeOld();
      return moreDue || moreArrived;
    },
    committed: () => inbox.committed(),
    sweep() {
      for (const one of sweeps) one.run();
    },
    endLeases() {
      const at = now();
      const { next_end, last_leased } = readLeaseHorizon();
      if (isSetBack(last_leased, at)) restartLeases.run(at, at);
      if (next_end === null || next_end > at) return false;
      const withKeys = limited.all(at);
      countLost.run(at);
      makeReady.run(at);
      endLeases.run(at);
      for (const { seq, limit_keys } of withKeys) limitKeys.ended(String(seq), limitKeysOf(limit_keys));
      return true;
    },
  };
}
