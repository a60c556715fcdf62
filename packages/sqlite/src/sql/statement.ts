import type { DatabaseSync, StatementSync } from "node:sqlite";
import { toError } from "@waybill/core";

/**
 * Prepares a statement that returns plain numbers and named rows, whatever the connection's options are (`readBigInts`,
 * `returnArrays`). A statement without rows returns BigInts from `run` where Node knows that: its result includes the
 * connection's last row number, and Node 26 throws at one beyond 2^53. Read `changes` by `Number`.
 */
export function prepare(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  // Since Node 23.11 and 22.16.
  statement.setReadBigInts("columns" in statement && statement.columns().length === 0);
  // Since Node 24.0 and 22.16, as is the option that it overrides.
  if ("setReturnArrays" in statement) statement.setReturnArrays(false);
  return statement;
}

/** Returns `prepare` for one connection. */
export const prepareOn =
  (db: DatabaseSync) =>
  (sql: string): StatementSync =>
    prepare(db, sql);

/** Returns the first column of the first row; undefined for no row. */
export function valueOf(db: DatabaseSync, sql: string): unknown {
  return Object.values(prepare(db, sql).get() ?? {})[0];
}

/**
 * Runs `ROLLBACK` or another statement that ends a transaction. Returns the error instead of throwing it: after some errors
 * SQLite has ended the transaction already, and one that is still open would fail the next BEGIN.
 */
export function rollBack(db: DatabaseSync, sql = "ROLLBACK"): Error | null {
  try {
    db.exec(sql);
    return null;
  } catch (thrown) {
    return toError(thrown);
  }
}
