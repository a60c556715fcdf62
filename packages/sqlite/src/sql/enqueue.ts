import { endOfLine } from "./whole.ts";

export const nextPlace: string = `SELECT ${endOfLine} AS seq`;

export const insertJob = `
  INSERT INTO waybill_jobs
    (seq, id, queue, type, priority, tenant, signature_timestamp, signature, due_at, enqueued_at, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`;

export const hasSameBody = `SELECT body = ? AS same FROM waybill_jobs WHERE id = ?`;

/**
 * Rows written one after another stand in line in one statement. A place that is taken was left behind by a job that
 * another program deleted.
 */
export const joinLine = `
  INSERT OR IGNORE INTO waybill_line (queue, rank, seq)
  SELECT queue, -priority, seq FROM waybill_jobs WHERE seq BETWEEN ? AND ?`;

export const delayJob = `INSERT OR REPLACE INTO waybill_delayed (due_at, seq, delayed_at) VALUES (?, ?, ?)`;
