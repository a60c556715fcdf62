import type { Ledger, LedgerChange } from "../ledger.ts";
import { assertLedgerChanges, assertLedgerKeys, assertLedgerRange } from "./ledger-checks.ts";

/**
 * Returns the ledger of a connection. `assertOpen` throws `BACKEND_CLOSED` once the connection is closed. Each call checks its
 * arguments first and rejects `CONFIG_INVALID`, so `ledger` gets only keys, values and limits that the contract allows, times
 * in whole milliseconds, and no empty list. Never throws.
 */
export function guardedLedger(assertOpen: () => void, ledger: Ledger): Ledger {
  const { watch } = ledger;
  return {
    async read(keys) {
      assertOpen();
      assertLedgerKeys(keys);
      return keys.length === 0 ? [] : ledger.read(keys);
    },
    async commit(changes) {
      assertOpen();
      assertLedgerChanges(changes);
      return changes.length === 0 ? { ok: true, versions: [] } : ledger.commit(changes.map(inWholeMs));
    },
    async list(range) {
      assertOpen();
      assertLedgerRange(range);
      return ledger.list(range);
    },
    async due(range) {
      assertOpen();
      assertLedgerRange(range);
      return ledger.due(range);
    },
    ...(watch && {
      watch(key, changed) {
        assertOpen();
        assertLedgerKeys([key]);
        return watch(key, changed);
      },
    }),
  };
}

/** Rounds up, so that nothing is due or gone before its time. */
function inWholeMs(change: LedgerChange): LedgerChange {
  const { dueInMs, expiresInMs } = change;
  if (Number.isInteger(dueInMs ?? 0) && Number.isInteger(expiresInMs ?? 0)) return change;
  return {
    ...change,
    ...(dueInMs !== undefined && { dueInMs: Math.ceil(dueInMs) }),
    ...(expiresInMs !== undefined && { expiresInMs: Math.ceil(expiresInMs) }),
  };
}
