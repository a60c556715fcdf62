export const headOfLine = `
  SELECT line.rank, line.seq, job.id, job.type, job.tenant, job.signature_timestamp, job.signature,
         job.failures, job.lost, job.releases, job.due_at, job.body
  FROM waybill_line AS line CROSS JOIN waybill_jobs AS job ON job.seq = line.seq
  WHERE line.queue = ?
  ORDER BY line.rank, line.seq
  LIMIT ?`;

export const leaseHead = `
  INSERT INTO waybill_leases (seq, claim, leased_at, lease_ms)
  SELECT seq, ?, ?, ? FROM waybill_line WHERE queue = ? ORDER BY rank, seq LIMIT ?`;

export const leaveLine = `DELETE FROM waybill_line WHERE queue = ? AND (rank, seq) <= (?, ?)`;

export const anyReady = `SELECT 1 FROM waybill_line WHERE queue = ? LIMIT 1`;
