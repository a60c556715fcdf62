export const endLease = `DELETE FROM waybill_leases WHERE seq = ? AND claim = ?`;

export const removeJob = `DELETE FROM waybill_jobs WHERE seq = ?`;

export const extendLease = `UPDATE waybill_leases SET leased_at = ?, lease_ms = ? WHERE seq = ? AND claim = ?`;

export const countSettle = `
  UPDATE waybill_jobs SET failures = failures + ?, releases = releases + ?, due_at = ? WHERE seq = ?`;

/** One that another program wrote for the same job gives way. */
export const bury = `INSERT OR REPLACE INTO waybill_dead (seq, code, message, attempt, died_at) VALUES (?, ?, ?, ?, ?)`;

/** Counts above those that another program wrote, except where they leave no room. */
export const rememberFinished = `
  INSERT OR REPLACE INTO waybill_finished (upto, finished_at, queue, count, jobs)
  SELECT coalesce(max(upto), 0) + ?, ?, ?, ?, ? FROM waybill_finished WHERE upto < 9007199254000000
  RETURNING upto AS upto`;

/** Looks at some of the oldest rows only, so that forgetting never costs more than remembering. */
export const forgetFinished = `
  DELETE FROM waybill_finished WHERE upto IN (
    SELECT upto FROM (SELECT upto, finished_at FROM waybill_finished ORDER BY upto LIMIT ?)
    WHERE upto <= ? OR finished_at < ?)`;
