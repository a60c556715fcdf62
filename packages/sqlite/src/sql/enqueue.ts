export const insertJob = `
  INSERT INTO waybill_jobs
    (id, queue, type, priority, tenant, signature_timestamp, signature, due_at, enqueued_at, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`;

export const hasSameBody = `SELECT body = ? AS same FROM waybill_jobs WHERE id = ?`;

/** Rows written one after another stand in line in one statement. */
export const joinLine = `
  INSERT INTO waybill_line (queue, rank, seq)
  SELECT queue, -priority, seq FROM waybill_jobs WHERE seq BETWEEN ? AND ?`;

export const delayJob = `INSERT INTO waybill_delayed (due_at, seq, delayed_at) VALUES (?, ?, ?)`;
