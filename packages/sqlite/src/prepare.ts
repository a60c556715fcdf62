import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * Prepares one of our statements. It returns plain numbers and rows with names, whatever the owner of the connection
 * chose (`readBigInts`, `returnArrays`). The `run` of a statement without rows returns BigInts where Node can tell: it
 * also returns the last row number of the connection, and Node 26 throws at one beyond 2^53. Read `changes` by `Number`.
 */
export function prepare(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  // Since Node 23.11 and 22.16.
  statement.setReadBigInts("columns" in statement && statement.columns().length === 0);
  // With the option that it takes back, since Node 24.0 and 22.16.
  if ("setReturnArrays" in statement) statement.setReturnArrays(false);
  return statement;
}
