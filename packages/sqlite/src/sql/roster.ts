import { clamped } from "./whole.ts";

export const announceWorker = `
  INSERT INTO waybill_workers (id, heard_at, ttl_ms, facts) VALUES (?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET heard_at = excluded.heard_at, ttl_ms = excluded.ttl_ms, facts = excluded.facts`;

export const withdrawWorker = `DELETE FROM waybill_workers WHERE id = ?`;

/** One heard in the future was heard before the clock was set back: if it lives, it is heard again soon. */
const silent = `heard_at + ttl_ms <= ? OR heard_at > ?`;

export const forgetSilent: string = `DELETE FROM waybill_workers WHERE ${silent}`;

export const liveWorkers: string = `
  SELECT CAST(id AS TEXT) AS id, CAST(facts AS TEXT) AS facts, ${clamped("? - heard_at")} AS heardMs
  FROM waybill_workers WHERE NOT (${silent}) ORDER BY id`;
