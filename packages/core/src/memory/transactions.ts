import type { Result, Backend, Lease, Message, Receipt } from "../backend/contract.ts";
import { DuplicateJobError } from "../errors.ts";
import { monotonicMs } from "../time/clock.ts";
import { configInvalid } from "../backend/shared/option-checks.ts";
import type { TransactionalBackend } from "../backend/transactional.ts";
import type { LedgerChange } from "../backend/ledger.ts";
import { createLimitCheck, idConflict, leaseLost } from "../backend/shared/refusals.ts";
import type { Store } from "./store.ts";
import { storedOf, type Stored } from "./stored.ts";
import { commitRecords, createTransactionLedger } from "./transaction-ledger.ts";
import { conflictOf } from "./unique-conflict.ts";

/** Transactions of one store, for tests of programs whose backend has them. */
export interface MemoryTransactions extends Required<
  Pick<TransactionalBackend, "enqueueIn" | "completeIn" | "ledgerIn">
> {
  /**
   * Opens a transaction that is known by `handle`, and runs `work` in it. Commits when `work` resolves; rolls back and
   * rejects with the same error when it throws. Rejects `LEASE_LOST`, `ID_CONFLICT` or `DUPLICATE_JOB`, with nothing stored,
   * when a lease has ended, or an id or a unique key was taken meanwhile. A handle may be used again once its transaction has ended.
   */
  run<Handle extends object, T>(work: (handle: Handle) => T | Promise<T>, handle: Handle): Promise<T>;
}

const isEqual = (one: Message, other: Message): boolean =>
  one.unique !== undefined && one.type === other.type && one.unique.key === other.unique?.key;

interface Open {
  readonly jobs: { readonly stored: Stored; readonly since: number }[];
  readonly completed: Lease[];
  /** What it has written to the ledger, by key. */
  readonly records: Map<string, LedgerChange>;
}

/** Calls with a handle that `run` does not know take effect at once: the store does not see the commit of another library. */
export function createTransactions(store: Store, backend: Backend): MemoryTransactions {
  const { has } = store;
  const open = new WeakMap<object, Open>();
  const ended = new WeakSet<object>();

  /** Null for a handle of another library. */
  function openOf(handle: unknown): Open | null {
    if ((typeof handle !== "object" && typeof handle !== "function") || handle === null) {
      throw configInvalid(`pass your transaction, not ${handle === null ? "null" : typeof handle}`);
    }
    const transaction = open.get(handle);
    if (transaction !== undefined) return transaction;
    if (ended.has(handle))
      throw configInvalid("this transaction has ended; pass the one of the running jobs.transaction");
    return null;
  }

  const twinOf = (id: string, { jobs }: Open): Message | undefined =>
    jobs.find(({ stored }) => stored.message.id === id)?.stored.message ?? store.ids.get(id)?.message;

  /** Returns the message that has the key of this one, in the transaction or in the store, as it is once that has committed. */
  function rivalOf(message: Message, { jobs, completed }: Open): Stored | null {
    const own = jobs.find(({ stored }) => isEqual(stored.message, message));
    if (own !== undefined) return own.stored;
    const rival = store.uniqueKeys.rivalOf(message);
    const ends = rival !== null && typeof rival.message.unique?.until !== "number";
    return ends && completed.some(({ token }) => token === rival.token) ? null : rival;
  }

  function keep(message: Message, transaction: Open): Result<Receipt> {
    const twin = has.uniqueIds ? twinOf(message.id, transaction) : undefined;
    if (twin !== undefined && twin.body !== message.body) return { ok: false, error: idConflict(message.id) };
    if (twin !== undefined) return { ok: true, value: { id: message.id, stored: false } };
    const rival = rivalOf(message, transaction);
    const refusal = rival === null ? null : conflictOf(message, rival);
    if (refusal !== null) return refusal;
    const replaced = transaction.jobs.findIndex(({ stored }) => stored === rival);
    if (replaced !== -1) transaction.jobs.splice(replaced, 1);
    const stored = storedOf(message, store.nextSeq());
    transaction.jobs.push({ stored, since: monotonicMs() });
    const receipt: Receipt = { id: message.id, stored: true };
    return { ok: true, value: rival === null ? receipt : { ...receipt, replaced: rival.message.id } };
  }

  function assertLeased(lease: Lease): void {
    const stored = store.leases.get(lease.token);
    if (stored === undefined || stored.at <= monotonicMs()) throw leaseLost(lease.id);
  }

  /** Checks everything before the first change, and changes everything in one turn of the event loop. */
  async function commit({ jobs, completed, records }: Open): Promise<void> {
    completed.forEach(assertLeased);
    for (const { stored } of jobs) {
      const { message } = stored;
      const twin = has.uniqueIds ? store.ids.get(message.id)?.message : undefined;
      if (twin !== undefined && twin.body !== message.body) throw idConflict(message.id);
      const rival = twin === undefined ? rivalOf(message, { jobs: [], completed, records }) : null;
      if (rival !== null && conflictOf(message, rival) !== null) {
        throw new DuplicateJobError(message.id, rival.message.id);
      }
    }
    await commitRecords(store.ledger, records);
    const now = monotonicMs();
    const left = jobs.map(({ stored: { message }, since }) => ({
      ...message,
      delayMs: Math.max(0, message.delayMs - (now - since)),
    }));
    await Promise.all([
      ...completed.map((lease) => backend.ack([lease])),
      ...left.map((one) => backend.enqueue([one])),
    ]);
  }

  return {
    async run(work, handle) {
      if (open.has(handle)) throw configInvalid("this handle has an open transaction already; give each its own");
      const transaction: Open = { jobs: [], completed: [], records: new Map() };
      open.set(handle, transaction);
      try {
        const result = await work(handle);
        await commit(transaction);
        return result;
      } finally {
        open.delete(handle);
        ended.add(handle);
      }
    },
    async enqueueIn(handle, messages) {
      const transaction = openOf(handle);
      if (transaction === null) return backend.enqueue(messages);
      const excessOf = createLimitCheck(has);
      return messages.map((message) => {
        const error = excessOf(message);
        return error === null ? keep(message, transaction) : { ok: false, error };
      });
    },
    ledgerIn(handle) {
      const transaction = openOf(handle);
      return transaction === null ? store.ledger : createTransactionLedger(store.ledger, transaction.records);
    },
    async completeIn(handle, lease) {
      const transaction = openOf(handle);
      if (transaction === null) {
        const [result] = await backend.ack([lease]);
        if (result?.ok === false) throw result.error;
        return;
      }
      assertLeased(lease);
      transaction.completed.push(lease);
    },
  };
}
