import type { Result, Backend, Lease, Message, Receipt } from "./contract.ts";
import { WaybillError } from "../errors.ts";
import type { Ledger } from "./ledger.ts";

/** The ledger within a transaction of the caller. */
export type LedgerInTransaction = Pick<Ledger, "read" | "commit">;

/** A backend that takes part in a transaction of the caller. Optional: a backend package supports it or not. */
export interface TransactionalBackend extends Backend {
  /** Stores messages as `enqueue` does. They are stored when the caller commits, and not stored when it rolls back. */
  enqueueIn(transaction: unknown, messages: readonly Message[]): Promise<Result<Receipt>[]>;
  /** Acks one lease when the caller commits. Rejects `LEASE_LOST` if the lease has ended: then the caller must roll back. */
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
  /**
   * Returns the ledger within the transaction: what is committed there is stored when the caller commits. A commit waits for
   * another transaction that has written the same key. Absent: the transaction cannot keep records.
   */
  ledgerIn?(transaction: unknown): LedgerInTransaction;
}

/** Whether the backend takes part in transactions of the caller. */
export const isTransactional = (backend: Backend): boolean => "enqueueIn" in backend && "completeIn" in backend;

/** Returns the ledger within a transaction of the caller. Throws `CAPABILITY_MISSING` where the backend has none. */
export function ledgerInOf(backend: Backend, transaction: unknown): LedgerInTransaction {
  const transactional = transactionalOf(backend);
  if (transactional.ledgerIn !== undefined) return transactional.ledgerIn(transaction);
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${backend.address} keeps no records within your transaction; leave \`in\` out`,
  );
}

/** Throws `CAPABILITY_MISSING` for a backend that does not take part in transactions. */
export function transactionalOf(backend: Backend): TransactionalBackend {
  if (isTransactional(backend)) return backend as TransactionalBackend;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${backend.address} does not take part in transactions; enqueue after the commit, or use "postgres:" beside your tables`,
  );
}
