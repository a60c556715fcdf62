import { clamped, whole } from "./whole.ts";

/** Any program may have written a row: its members are brought to their types, and `body` is null if it is no text. */
export const headOfLine: string = `
  SELECT ${clamped("line.rank")} AS rank, CAST(line.seq AS TEXT) AS seq,
         CAST(job.id AS TEXT) AS id, CAST(job.type AS TEXT) AS type,
         CAST(job.tenant AS TEXT) AS tenant, ${whole("job.signature_timestamp")} AS signature_timestamp,
         CAST(job.signature AS TEXT) AS signature, ${whole("job.failures")} AS failures, ${whole("job.lost")} AS lost,
         ${whole("job.releases")} AS releases, ${whole("job.due_at")} AS due_at,
         CASE typeof(job.body) WHEN 'text' THEN job.body END AS body
  FROM waybill_line AS line LEFT JOIN waybill_jobs AS job ON job.seq = line.seq
  WHERE line.queue = ?
  ORDER BY line.rank, line.seq
  LIMIT ?`;

/** For a body that is no text, or that node:sqlite may have repaired while reading it. */
export const bytesOfBody = `SELECT CAST(body AS BLOB) AS bytes FROM waybill_jobs WHERE seq = ?`;

export const leaseHead = `
  INSERT OR IGNORE INTO waybill_leases (seq, claim, leased_at, lease_ms)
  SELECT seq, ?, ?, ? FROM (SELECT seq FROM waybill_line WHERE queue = ? ORDER BY rank, seq LIMIT ?)
  WHERE seq IN (SELECT seq FROM waybill_jobs)`;

/** For a line that names jobs twice, jobs already leased, or jobs that another program deleted. */
export const heldByClaim = `SELECT CAST(seq AS TEXT) AS seq FROM waybill_leases WHERE claim = ?`;

export const leaveLine = `
  DELETE FROM waybill_line WHERE (queue, rank, seq) IN (
    SELECT queue, rank, seq FROM waybill_line WHERE queue = ? ORDER BY rank, seq LIMIT ?)`;

export const anyReady = `SELECT 1 FROM waybill_line WHERE queue = ? LIMIT 1`;
