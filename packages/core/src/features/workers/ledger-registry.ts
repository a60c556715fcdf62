import type { Ledger, LedgerRecord } from "../../backend/ledger.ts";
import type { Announced, WorkerRegistry } from "../../backend/worker-registry.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";
import { allRecords } from "../all-records.ts";

/**
 * Keeps the worker registry in a ledger, for a backend that has none: one record for each worker, which expires unless it is
 * announced again. The record is due from its announcement on, so the ledger's clock says how long ago that was.
 */
export function ledgerWorkerRegistry(ledger: Ledger): WorkerRegistry {
  return {
    async announce(id, facts, ttlMs) {
      const value = JSON.stringify({ id, facts });
      await ledger.commit([{ key: ledgerKey("worker", id), ifVersion: "any", value, dueInMs: 0, expiresInMs: ttlMs }]);
    },
    async withdraw(id) {
      await ledger.commit([{ key: ledgerKey("worker", id), ifVersion: "any", value: null }]);
    },
    async list() {
      const found: Announced[] = [];
      for await (const record of allRecords(ledger, ledgerPrefix("worker"))) {
        const one = announcedOf(record);
        if (one !== null) found.push(one);
      }
      return found.sort((a, b) => (a.id < b.id ? -1 : 1));
    },
  };
}

/** Null for a record that another program wrote. */
function announcedOf(record: LedgerRecord): Announced | null {
  const { id, facts } = parsedValue(record);
  if (typeof id !== "string" || typeof facts !== "string") return null;
  return { id, facts, heardMs: Math.max(0, -(record.dueInMs ?? 0)) };
}
