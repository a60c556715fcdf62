import { realpathSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type Answer, type Receipt, toError, WaybillError } from "@waybill/core";
import { type Lease, type Message, notStored } from "@waybill/core/backend";
import { createEnqueue } from "./enqueue.ts";
import { fileError, isBusy, isNotOpen } from "./errors.ts";
import type { Settings } from "./options.ts";
import { prepare } from "./prepare.ts";
import { createRetention } from "./retention.ts";
import { createSettle } from "./settle.ts";

/** Takes part in transactions that the caller begins on a connection of their own to the same file. */
export interface SharedTransactions {
  /** The jobs are there once the caller commits. */
  enqueueIn(transaction: unknown, messages: readonly Message[]): Promise<Answer<Receipt>[]>;
  /** Done once the caller commits. Rejects LEASE_LOST: then the caller must roll back. */
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
}

interface Statements {
  readonly enqueue: ReturnType<typeof createEnqueue>;
  readonly ack: (leases: readonly Lease[]) => Answer<null>[];
}

/** `file` is ours, absolute. Statements are prepared once for each connection of the caller's. */
export function createSharedTransactions(file: string, settings: Settings, now: () => number): SharedTransactions {
  const prepared = new WeakMap<DatabaseSync, Statements>();

  function statementsOn(transaction: unknown): Statements {
    const db = asDatabase(transaction);
    let statements = prepared.get(db);
    if (statements === undefined) {
      ensureSameFile(db, file);
      const settle = createSettle(db, now, createRetention(db, now, settings));
      statements = { enqueue: createEnqueue(db, now), ack: settle.ack };
      prepared.set(db, statements);
    }
    ensureTransaction(db);
    return statements;
  }

  /** A call that fails leaves nothing behind, so that a caller who goes on and commits has no half of a job. */
  function within<T>(transaction: unknown, work: (statements: Statements) => T): T {
    try {
      const statements = statementsOn(transaction);
      return wholly(transaction as DatabaseSync, () => work(statements));
    } catch (thrown) {
      // Statements end with the connection. One that was opened again gets new ones.
      if (isNotOpen(thrown) && prepared.delete(transaction as DatabaseSync)) return within(transaction, work);
      if (isNotOpen(thrown))
        throw refuse("the DatabaseSync that was handed in is not open; open it and begin a transaction");
      throw isBusy(thrown) ? heldBefore(thrown, file) : fileError(thrown, file, "use");
    }
  }

  return {
    enqueueIn: async (transaction, messages) => within(transaction, ({ enqueue }) => enqueue(messages)),
    async completeIn(transaction, lease) {
      const [answer] = within(transaction, ({ ack }) => ack([lease]));
      if (answer && !answer.ok) throw answer.error;
    },
  };
}

function wholly<T>(db: DatabaseSync, work: () => T): T {
  db.exec("SAVEPOINT waybill");
  try {
    const result = work();
    db.exec("RELEASE waybill");
    return result;
  } catch (thrown) {
    undo(db);
    throw thrown;
  }
}

/** After some errors SQLite has ended the whole transaction already, and there is no savepoint left. */
function undo(db: DatabaseSync): Error | null {
  try {
    db.exec("ROLLBACK TO waybill; RELEASE waybill");
    return null;
  } catch (thrown) {
    return toError(thrown);
  }
}

/** A transaction that has read cannot wait for the write lock: what it read may be old by then. */
function heldBefore(thrown: unknown, file: string): WaybillError {
  const text = `your transaction on "${file}" cannot write, since another program writes or wrote after it began; roll back, begin again by BEGIN IMMEDIATE`;
  return notStored(new WaybillError("BACKEND_UNAVAILABLE", text, { cause: thrown }));
}

function asDatabase(transaction: unknown): DatabaseSync {
  const fits =
    typeof transaction === "object" && transaction !== null && "prepare" in transaction && "exec" in transaction;
  if (fits) return transaction as DatabaseSync;
  throw refuse("hand in the DatabaseSync of node:sqlite on which you began the transaction");
}

/** A job in another file would be stored where no worker looks. */
function ensureSameFile(db: DatabaseSync, file: string): void {
  const main = prepare(db, "PRAGMA database_list")
    .all()
    .find((row) => row["name"] === "main");
  const theirs = String(main?.["file"] ?? "");
  if (theirs !== "" && realpathSync(theirs) === realpathSync(file)) return;
  throw refuse(
    `the transaction is on "${theirs || ":memory:"}", the jobs are in "${file}"; keep your tables in that file`,
  );
}

/** Outside one, each statement would commit by itself, and a crash between two would leave a job nobody can lease. */
function ensureTransaction(db: DatabaseSync): void {
  // Node says it since 22.16; before, a second BEGIN tells.
  const known = "isTransaction" in db ? db.isTransaction : undefined;
  if (known ?? !canBegin(db)) return;
  throw refuse('no transaction is open; begin one first: db.exec("BEGIN IMMEDIATE")');
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

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
