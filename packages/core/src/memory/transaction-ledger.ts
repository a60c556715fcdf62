import type { Ledger, LedgerChange } from "../backend/ledger.ts";
import type { LedgerInTransaction } from "../backend/transactional.ts";
import { WaybillError } from "../errors.ts";

/** The version of a record that the transaction itself has written: no record of the store has it. */
const OWN = Number.MAX_SAFE_INTEGER;

/** The ledger as one transaction sees it. `changes` has what the transaction has written, by key. */
export function createTransactionLedger(ledger: Ledger, changes: Map<string, LedgerChange>): LedgerInTransaction {
  const read: LedgerInTransaction["read"] = async (keys) => {
    const records = await ledger.read(keys);
    return keys.map((key, at) => {
      const change = changes.get(key);
      if (change === undefined) return records[at] ?? null;
      return change.value === null ? null : { key, value: change.value, version: OWN, dueInMs: change.dueInMs ?? null };
    });
  };

  return {
    read,
    async commit(asked) {
      const records = await read(asked.map(({ key }) => key));
      const conflicts = asked.filter(
        ({ ifVersion }, at) => ifVersion !== "any" && ifVersion !== (records[at]?.version ?? "absent"),
      );
      if (conflicts.length > 0) return { ok: false, conflicts: conflicts.map(({ key }) => key) };
      for (const change of asked) {
        // The store is compared with what the first change of the key expected.
        changes.set(change.key, { ...change, ifVersion: changes.get(change.key)?.ifVersion ?? change.ifVersion });
      }
      return { ok: true, versions: asked.map(({ value }) => (value === null ? 0 : OWN)) };
    },
  };
}

/** Makes the changes of a transaction that commits. Rejects `BACKEND_UNAVAILABLE`, with nothing changed, where another was first. */
export async function commitRecords(ledger: Ledger, changes: ReadonlyMap<string, LedgerChange>): Promise<void> {
  if (changes.size === 0) return;
  const commit = await ledger.commit([...changes.values()]);
  if (commit.ok) return;
  const text = "another transaction has written a record that this one wrote as well; roll back and run it again";
  throw new WaybillError("BACKEND_UNAVAILABLE", text);
}
