import type { LedgerInTransaction } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";
import { createLedger } from "./ledger.ts";

/**
 * The ledger within a transaction of the caller. A commit of a key that another transaction has written waits until that one ends:
 * below `REPEATABLE READ` it then sees that record, from there on PostgreSQL ends the transaction. `queryIn` returns the caller's
 * query once it is known to be in a transaction, and throws `CONFIG_INVALID` otherwise.
 */
export function ledgerInTransaction(queryIn: () => Promise<Query>, schema: string): LedgerInTransaction {
  const ledger = createLedger(
    async (text, values) => (await queryIn())(text, values),
    schema,
    () => undefined,
  );
  return { read: (keys) => ledger.read(keys), commit: (changes) => ledger.commit(changes) };
}
