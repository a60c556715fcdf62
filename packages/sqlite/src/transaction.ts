import { realpathSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type Result, type Receipt, WaybillError } from "@waybill/core";
import {
  configInvalid,
  type Ledger,
  type LedgerInTransaction,
  type Lease,
  type Message,
  notStored,
} from "@waybill/core/backend";
import { fileError, isBusy, isNotOpen } from "./errors.ts";
import { createEnqueue, type Enqueue } from "./jobs/enqueue.ts";
import { ledgerOn } from "./ledger/ledger-in-transaction.ts";
import { createRetention } from "./jobs/retention.ts";
import { createSettle, type Settle } from "./jobs/settle.ts";
import type { Settings } from "./options/options.ts";
import { prepare, rollBack } from "./sql/statement.ts";

/** Enqueues and acks in a transaction that the caller began on its own connection to the same file. */
export interface CallerTransactions {
  /** The jobs are stored once the caller commits. */
  enqueueIn(transaction: unknown, messages: readonly Message[]): Promise<Result<Receipt>[]>;
  /** The job is done once the caller commits. Rejects `LEASE_LOST`: the caller must then roll back. */
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
  /** The ledger within the transaction. */
  ledgerIn(transaction: unknown): LedgerInTransaction;
}

interface Statements {
  readonly enqueue: Enqueue;
  readonly ack: Settle["ack"];
  readonly ledger: Ledger;
}

/** `file` is the backend's, an absolute path. Statements are prepared once for each connection of the caller. */
export function createCallerTransactions(file: string, settings: Settings, now: () => number): CallerTransactions {
  const prepared = new WeakMap<DatabaseSync, Statements>();

  function statementsOn(transaction: unknown): Statements {
    const db = asDatabase(transaction);
    let statements = prepared.get(db);
    if (statements === undefined) {
      assertSameFile(db, file);
      const { ack } = createSettle(db, now, createRetention(db, now, settings));
      const ledger = ledgerOn(db, now, (work) => within(db, work));
      statements = { enqueue: createEnqueue(db, now), ack, ledger };
      prepared.set(db, statements);
    }
    assertInTransaction(db);
    return statements;
  }

  /** A call that fails changes nothing, so that a caller who goes on and commits stores no part of a job. */
  function within<T>(transaction: unknown, work: (statements: Statements) => T): T {
    try {
      const statements = statementsOn(transaction);
      return inSavepoint(transaction as DatabaseSync, () => work(statements));
    } catch (thrown) {
      // Closing a connection invalidates its statements. Prepare them again in case it was reopened.
      if (isNotOpen(thrown) && prepared.delete(transaction as DatabaseSync)) return within(transaction, work);
      if (isNotOpen(thrown))
        throw configInvalid("the DatabaseSync that was handed in is not open; open it and begin a transaction");
      throw isBusy(thrown) ? cannotWrite(thrown, file) : fileError(thrown, file, "use");
    }
  }

  return {
    enqueueIn: async (transaction, messages) => within(transaction, ({ enqueue }) => enqueue(messages)),
    ledgerIn(transaction) {
      const { ledger } = statementsOn(transaction);
      return { read: (keys) => ledger.read(keys), commit: (changes) => ledger.commit(changes) };
    },
    async completeIn(transaction, lease) {
      const [result] = within(transaction, ({ ack }) => ack([lease]));
      if (result && !result.ok) throw result.error;
    },
  };
}

function inSavepoint<T>(db: DatabaseSync, work: () => T): T {
  db.exec("SAVEPOINT waybill");
  try {
    const result = work();
    db.exec("RELEASE waybill");
    return result;
  } catch (thrown) {
    rollBack(db, "ROLLBACK TO waybill; RELEASE waybill");
    throw thrown;
  }
}

/** A transaction that has read cannot wait for the write lock: another commit may make its reads outdated. */
function cannotWrite(thrown: unknown, file: string): WaybillError {
  const text = `your transaction on "${file}" cannot write, since another program writes or wrote after it began; roll back, begin again by BEGIN IMMEDIATE`;
  return notStored(new WaybillError("BACKEND_UNAVAILABLE", text, { cause: thrown }));
}

function asDatabase(transaction: unknown): DatabaseSync {
  const fits =
    typeof transaction === "object" && transaction !== null && "prepare" in transaction && "exec" in transaction;
  if (fits) return transaction as DatabaseSync;
  throw configInvalid("hand in the DatabaseSync of node:sqlite on which you began the transaction");
}

/** No worker of this backend would find a job in another file. */
function assertSameFile(db: DatabaseSync, file: string): void {
  const databases = prepare(db, "PRAGMA database_list").all();
  const theirs = String(databases.find((row) => row["name"] === "main")?.["file"] ?? "");
  if (theirs !== "" && realpathSync(theirs) === realpathSync(file)) return;
  const text = `the transaction is on "${theirs || ":memory:"}", the jobs are in "${file}"; keep your tables in that file`;
  throw configInvalid(text);
}

/** Outside a transaction each statement commits by itself: a crash between two would leave a job that cannot be leased. */
function assertInTransaction(db: DatabaseSync): void {
  // Since Node 22.16. Before, a BEGIN fails inside a transaction.
  const known = "isTransaction" in db ? db.isTransaction : undefined;
  if (known ?? !canBegin(db)) return;
  throw configInvalid('no transaction is open; begin one first: db.exec("BEGIN IMMEDIATE")');
}

function canBegin(db: DatabaseSync): boolean {
  try {
    db.exec("BEGIN");
  } catch {
    return false;
  }
  db.exec("ROLLBACK");
  return true;
}
