import type { DatabaseSync } from "node:sqlite";
import type { Ledger } from "@waybill/core/backend";
import { createLedger } from "./ledger.ts";

/**
 * The ledger on a connection of the caller, whose transaction has begun. `within` runs work in a savepoint of it and throws what the
 * caller is to see. Another transaction that writes waits for this one to end, as for every write of SQLite.
 */
export function ledgerOn(db: DatabaseSync, now: () => number, within: <T>(work: () => T) => T): Ledger {
  return createLedger(db, now, async (work) => within(work), within, null);
}
