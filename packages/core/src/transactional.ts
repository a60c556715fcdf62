import type { Answer, Backend, Lease, Message, Receipt } from "./backend.ts";
import { WaybillError } from "./errors.ts";

/** A backend whose store takes part in a transaction of the caller's. Not part of the contract; a package has it or not. */
export interface TransactionalBackend extends Backend {
  /** As `enqueue`; the jobs are there once the caller commits, and never were if not. */
  enqueueIn(transaction: unknown, messages: readonly Message[]): Promise<Answer<Receipt>[]>;
  /** As `ack` of one lease; done once the caller commits. Rejects `LEASE_LOST`: then the caller must roll back. */
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
}

/** Throws `CAPABILITY_MISSING` for a backend that has no transactions to share. */
export function transactionalOf(backend: Backend): TransactionalBackend {
  if ("enqueueIn" in backend && "completeIn" in backend) return backend as TransactionalBackend;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${backend.address} takes no part in transactions of yours; enqueue after the commit, or use "postgres:" beside your tables`,
  );
}
