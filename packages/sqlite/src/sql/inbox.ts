import { whole } from "./whole.ts";

/**
 * Row numbers as text, since they may be beyond 2^53. The envelope as bytes: text that is not UTF-8 must be noticed, not
 * repaired.
 */
export const oldestArrivals: string = `
  SELECT CAST(rowid AS TEXT) AS number, CAST(id AS TEXT) AS id, CAST(envelope AS BLOB) AS envelope,
         CAST(signature AS TEXT) AS signature, ${whole("signature_timestamp")} AS signature_timestamp
  FROM waybill_inbox ORDER BY rowid LIMIT ?`;

export const removeArrival = `DELETE FROM waybill_inbox WHERE rowid = ?`;

export const buryArrival = `
  INSERT INTO waybill_dead (seq, code, message, attempt, died_at) VALUES (NULL, ?, ?, 1, ?)
  RETURNING CAST(number AS TEXT) AS number`;

/** Copied inside SQLite, so that the bytes stay what they were. */
export const keepArrival = `
  INSERT INTO waybill_rejected (number, id, envelope, signature, signature_timestamp, inserted_at)
  SELECT ?, id, envelope, signature, signature_timestamp, inserted_at FROM waybill_inbox WHERE rowid = ?`;
