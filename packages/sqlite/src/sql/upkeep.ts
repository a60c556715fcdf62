import { clamped, endOfLine } from "./whole.ts";

/** What lies ahead, in one read. Nulls where there is nothing. */
export const horizon: string = `
  SELECT
    (SELECT ${clamped("min(due_at)")} FROM waybill_delayed) AS next_due,
    (SELECT ${clamped("max(delayed_at)")} FROM waybill_delayed) AS last_delayed,
    (SELECT ${clamped("finished_at")} FROM waybill_finished ORDER BY upto LIMIT 1) AS oldest_finished,
    EXISTS (SELECT 1 FROM waybill_inbox) AS arrived`;

export const leaseHorizon: string = `
  SELECT ${clamped("min(leased_at + lease_ms)")} AS next_end, ${clamped("max(leased_at)")} AS last_leased
  FROM waybill_leases`;

export const dueJobs = `SELECT due_at, seq FROM waybill_delayed WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?`;

/** A new seq is a place at the end of the line: lower seqs became ready earlier. */
export const moveToEnd: string = `
  UPDATE waybill_jobs SET seq = ${endOfLine}, due_at = coalesce(?, due_at)
  WHERE seq = ? RETURNING seq AS seq`;

export const undelay = `DELETE FROM waybill_delayed WHERE due_at = ? AND seq = ?`;

export const countLost = `
  UPDATE waybill_jobs SET lost = lost + 1
  WHERE seq IN (SELECT seq FROM waybill_leases WHERE leased_at + lease_ms <= ?)`;

export const rejoinLine = `
  INSERT OR IGNORE INTO waybill_line (queue, rank, seq)
  SELECT job.queue, -job.priority, job.seq
  FROM waybill_leases AS lease CROSS JOIN waybill_jobs AS job ON job.seq = lease.seq
  WHERE lease.leased_at + lease.lease_ms <= ?`;

export const endExpired = `DELETE FROM waybill_leases WHERE leased_at + lease_ms <= ?`;

/** A lease that begins in the future was given before the clock was set back: its length counts from now. */
export const restartLeases = `UPDATE waybill_leases SET leased_at = ? WHERE leased_at > ?`;

export const restartDelays = `
  UPDATE OR REPLACE waybill_delayed SET due_at = due_at - delayed_at + ?, delayed_at = ? WHERE delayed_at > ?`;
