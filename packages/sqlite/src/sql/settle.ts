export const endLease = `DELETE FROM waybill_leases WHERE seq = ? AND claim = ?`;

export const removeJob = `DELETE FROM waybill_jobs WHERE seq = ?`;

export const extendLease = `UPDATE waybill_leases SET leased_at = ?, lease_ms = ? WHERE seq = ? AND claim = ?`;

export const countSettle = `
  UPDATE waybill_jobs SET failures = failures + ?, releases = releases + ?, due_at = ? WHERE seq = ?`;

export const bury = `INSERT INTO waybill_dead (seq, code, message, attempt, died_at) VALUES (?, ?, ?, ?, ?)`;

export const rememberFinished = `
  INSERT INTO waybill_finished (upto, finished_at, queue, count, jobs)
  SELECT coalesce(max(upto), 0) + ?, ?, ?, ?, ? FROM waybill_finished
  RETURNING upto`;

/** Looks at some of the oldest rows only, so that forgetting never costs more than remembering. */
export const forgetFinished = `
  DELETE FROM waybill_finished WHERE upto IN (
    SELECT upto FROM (SELECT upto, finished_at FROM waybill_finished ORDER BY upto LIMIT ?)
    WHERE upto <= ? OR finished_at < ?)`;
