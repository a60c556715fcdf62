import type { Ledger, LedgerRecord } from "../../backend/ledger.ts";
import type { Announced, WorkerRegistry } from "../../backend/worker-registry.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";

const PAGE = 1_000;

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
      let after: string | undefined;
      for (;;) {
        const range = { prefix: ledgerPrefix("worker"), limit: PAGE, ...(after !== undefined && { after }) };
        const page = await ledger.list(range);
        found.push(...page.map(announcedOf).filter((one) => one !== null));
        after = page.at(-1)?.key;
        if (page.length < PAGE) return found.sort((a, b) => (a.id < b.id ? -1 : 1));
      }
    },
  };
}

/** Null for a record that another program wrote. */
function announcedOf(record: LedgerRecord): Announced | null {
  const { id, facts } = parsedValue(record);
  if (typeof id !== "string" || typeof facts !== "string") return null;
  return { id, facts, heardMs: Math.max(0, -(record.dueInMs ?? 0)) };
}
