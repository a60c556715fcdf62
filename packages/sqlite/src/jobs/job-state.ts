import type { DatabaseSync } from "node:sqlite";
import { nextSeq } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { createLimitKeys, limitKeysOf } from "./limit-keys.ts";
import type { Seq } from "./position.ts";

/** Moves jobs between states, each within a transaction that the caller began. */
export interface JobState {
  /** Returns the position at the end of the line. */
  nextSeq(): number;
  /** Makes the jobs from `first` to `last` ready. */
  makeReady(first: Seq, last?: Seq): void;
  /** Makes a job wait until `dueAt`, in Unix ms. */
  delay(dueAt: number, seq: Seq, at: number): void;
  /** Moves a job to the end of the line and returns its new position; null when there is no such job. A null `dueAt` changes nothing. */
  moveToEnd(dueAt: number | bigint | null, seq: Seq): number | null;
  /** Removes a job that waits from its state, not from the file. Returns false for one that is leased or dead, and for none. */
  withdraw(seq: Seq): boolean;
  remove(seq: Seq): void;
}

export function createJobState(db: DatabaseSync): JobState {
  const prepare = prepareOn(db);
  const limitKeys = createLimitKeys(db);
  const next = prepare(`SELECT ${nextSeq} AS seq`);
  // Ignores a row that another program left behind when it deleted the job.
  const ready = prepare(`INSERT OR IGNORE INTO waybill_ready (queue, rank, seq)
     SELECT queue, -priority, seq FROM waybill_jobs WHERE seq BETWEEN ? AND ?`);
  const delay = prepare("INSERT OR REPLACE INTO waybill_delayed (due_at, seq, delayed_at) VALUES (?, ?, ?)");
  const move = prepare(
    `UPDATE waybill_jobs SET seq = ${nextSeq}, due_at = coalesce(?, due_at) WHERE seq = ? RETURNING seq AS seq`,
  );
  const leaveReady = prepare(`DELETE FROM waybill_ready
     WHERE (queue, rank, seq) = (SELECT queue, -priority, seq FROM waybill_jobs WHERE seq = ?)`);
  const leaveDelayed = prepare(`DELETE FROM waybill_delayed
     WHERE (due_at, seq) = (SELECT due_at, seq FROM waybill_jobs WHERE seq = ?)`);
  // Where the clock was set back, or another program wrote, the row has another time than its job.
  const findDelayed = prepare("DELETE FROM waybill_delayed WHERE seq = ?");
  const leaveLine = prepare("DELETE FROM waybill_waiting WHERE seq = ?");
  const keysOf = prepare("SELECT CAST(limit_keys AS TEXT) AS keys FROM waybill_jobs WHERE seq = ?");
  const isEnded = prepare(`SELECT 1 FROM waybill_leases WHERE seq = ?
     UNION ALL SELECT 1 FROM waybill_dead WHERE seq = ?`);
  const remove = prepare("DELETE FROM waybill_jobs WHERE seq = ?");
  return {
    nextSeq: () => Number(next.get()?.["seq"]),
    makeReady: (first, last = first) => void ready.run(first, last),
    delay: (dueAt, seq, at) => void delay.run(dueAt, seq, at),
    moveToEnd(dueAt, seq) {
      const moved = move.get(dueAt, seq);
      return moved === undefined ? null : Number(moved["seq"]);
    },
    withdraw(seq) {
      if (isEnded.get(seq, seq) !== undefined) return false;
      const leaves = [leaveReady, leaveLine, leaveDelayed, findDelayed];
      if (!leaves.some((leave) => Number(leave.run(seq).changes) > 0)) return false;
      limitKeys.left(seq, limitKeysOf(keysOf.get(seq)?.["keys"]));
      return true;
    },
    remove: (seq) => void remove.run(seq),
  };
}
