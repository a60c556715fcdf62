import type { DatabaseSync } from "node:sqlite";
import { clamped, whole } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { isSetBack } from "../file/clock-skew.ts";

/** Removes expired records a few at a time, hands out versions, and repairs times after the clock was set back. */
export interface LedgerSweep {
  /** Reads only. Whether records have been expired for a while, or the clock was set back. */
  isDue(): boolean;
  /** Within a transaction: removes some expired records, at least as many as `written`. */
  run(written?: number): void;
  /** Within a transaction: returns the first of `count` versions that no record of this file ever had. */
  nextVersions(count: number, at: number): number;
}

/** Expired records removed at once, beyond as many as are written. */
const SLICE = 100;
/** Expired records are not read, so they may stay this long before a transaction is made to remove them. */
const UNREMOVED_MS = 10_000;

export function createLedgerSweep(db: DatabaseSync, now: () => number): LedgerSweep {
  const prepare = prepareOn(db);
  const horizon = prepare(`SELECT
       (SELECT ${clamped("min(expires_at)")} FROM waybill_ledger WHERE expires_at IS NOT NULL) AS next_expiry,
       (SELECT ${whole("written_at")} FROM waybill_ledger WHERE key = '') AS written_at`);
  const removeExpired = prepare(`DELETE FROM waybill_ledger WHERE key IN (
       SELECT key FROM waybill_ledger WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`);
  const restart = prepare(`UPDATE waybill_ledger
     SET due_at = due_at - written_at + ?, expires_at = expires_at - written_at + ?, written_at = ? WHERE written_at > ?`);
  const last = prepare(`SELECT ${whole("version")} AS version FROM waybill_ledger WHERE key = ''`);
  const highest = prepare(`SELECT coalesce(max(${whole("version")}), 0) AS version FROM waybill_ledger`);
  const keepLast = prepare(`INSERT OR REPLACE INTO waybill_ledger (key, value, version, written_at)
     VALUES ('', '', ?, ?)`);

  /** Every commit writes the time to the row of the last version, so that row alone shows that the clock was set back. */
  const read = (): { readonly next_expiry: number | null; readonly written_at: number | null } =>
    horizon.get() as never;

  return {
    isDue() {
      const { next_expiry, written_at } = read();
      return isSetBack(written_at, now()) || (next_expiry !== null && next_expiry <= now() - UNREMOVED_MS);
    },
    run(written = 0) {
      const at = now();
      const { next_expiry, written_at } = read();
      if (isSetBack(written_at, at)) restart.run(at, at, at, at);
      if (next_expiry !== null && next_expiry <= at) removeExpired.run(at, written + SLICE);
    },
    nextVersions(count, at) {
      // Another program may have removed the row, or changed it.
      const from = Number((last.get()?.["version"] ?? highest.get()?.["version"]) || 0);
      keepLast.run(from + count, at);
      return from + 1;
    },
  };
}
