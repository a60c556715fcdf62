import type { DatabaseSync } from "node:sqlite";
import type { Inbox } from "./inbox.ts";
import { prepare } from "./prepare.ts";
import type { Retention } from "./retention.ts";
import { joinLine } from "./sql/enqueue.ts";
import * as sql from "./sql/upkeep.ts";

/** What time makes true: delayed jobs fall due, leases run out, clocks are set back. Done by whoever waits for a job. */
export interface Upkeep {
  /** Reads only. Whether anything must be done now, and the Unix time in ms of the next thing known; null is none. */
  ahead(): { readonly now: boolean; readonly nextAt: number | null };
  /** Within a transaction: due jobs join the line, arrivals are admitted. True when there was more than one slice. */
  tend(): boolean;
  /** The transaction of the last `tend` is on disk. */
  tended(): void;
  /** Within a transaction: jobs whose lease ran out join the line, counted as lost. Answers whether any did. */
  takeOver(): boolean;
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

/** So that one transaction stays short. */
const SLICE = 500;
/** A beginning this far in the future means that the clock was set back; less is clocks being adjusted. */
const SKEW_MS = 1_000;

export function createUpkeep(db: DatabaseSync, now: () => number, retention: Retention, inbox: Inbox): Upkeep {
  const horizon = prepare(db, sql.horizon);
  const leaseHorizon = prepare(db, sql.leaseHorizon);
  const due = prepare(db, sql.dueJobs);
  due.setReadBigInts(true);
  const toEnd = prepare(db, sql.moveToEnd);
  const undelay = prepare(db, sql.undelay);
  const join = prepare(db, joinLine);
  const countLost = prepare(db, sql.countLost);
  const rejoin = prepare(db, sql.rejoinLine);
  const endExpired = prepare(db, sql.endExpired);
  const restartLeases = prepare(db, sql.restartLeases);
  const restartDelays = prepare(db, sql.restartDelays);

  const look = (): Horizon => horizon.get() as unknown as Horizon;
  const lookAtLeases = (): LeaseHorizon => leaseHorizon.get() as unknown as LeaseHorizon;

  function promote(at: number): boolean {
    const rows = due.all(at, SLICE) as unknown as { due_at: number | bigint; seq: bigint }[];
    for (const { due_at, seq } of rows) {
      const moved = toEnd.get(due_at, seq);
      undelay.run(due_at, seq);
      if (moved === undefined) continue;
      const end = Number(moved["seq"]);
      join.run(end, end);
    }
    return rows.length === SLICE;
  }

  return {
    ahead() {
      const at = now();
      const { next_due, last_delayed, oldest_finished, arrived } = look();
      const { next_end, last_leased } = lookAtLeases();
      const next = Math.min(next_due ?? Infinity, next_end ?? Infinity);
      const skewed = Math.max(last_delayed ?? 0, last_leased ?? 0) > at + SKEW_MS;
      return {
        now: arrived === 1 || next <= at || skewed || retention.isOver(oldest_finished),
        nextAt: next === Infinity ? null : next,
      };
    },
    tend() {
      const at = now();
      const { next_due, last_delayed, oldest_finished, arrived } = look();
      if (last_delayed !== null && last_delayed > at + SKEW_MS) restartDelays.run(at, at, at);
      const morePromoted = next_due !== null && next_due <= at && promote(at);
      const moreArrived = arrived === 1 && inbox.admitSome() > 0;
      if (retention.isOver(oldest_finished)) retention.forget();
      return morePromoted || moreArrived;
    },
    tended: () => inbox.committed(),
    takeOver() {
      const at = now();
      const { next_end, last_leased } = lookAtLeases();
      if (last_leased !== null && last_leased > at + SKEW_MS) restartLeases.run(at, at);
      if (next_end === null || next_end > at) return false;
      countLost.run(at);
      rejoin.run(at);
      endExpired.run(at);
      return true;
    },
  };
}
