import type { Ledger, LedgerRecord } from "./ledger.ts";

/**
 * Returns the part of a ledger whose keys begin with `scope`, which callers do not see: so the records of a backend that
 * borrows a ledger are not those of the backend that lends it. Never throws.
 */
export function scopedLedger(scope: string, ledger: Ledger): Ledger {
  const { watch } = ledger;
  const bare = (record: LedgerRecord): LedgerRecord => ({ ...record, key: record.key.slice(scope.length) });
  return {
    read: async (keys) => (await ledger.read(keys.map((key) => scope + key))).map((record) => record && bare(record)),
    async commit(changes) {
      const commit = await ledger.commit(changes.map((change) => ({ ...change, key: scope + change.key })));
      if (commit.ok) return commit;
      return { ok: false, conflicts: commit.conflicts.map((key) => key.slice(scope.length)) };
    },
    async list({ prefix, after, limit }) {
      const range = { prefix: scope + prefix, limit, ...(after !== undefined && { after: scope + after }) };
      return (await ledger.list(range)).map(bare);
    },
    due: async ({ prefix, limit }) => (await ledger.due({ prefix: scope + prefix, limit })).map(bare),
    ...(watch && { watch: (key, changed) => watch(scope + key, changed) }),
  };
}
