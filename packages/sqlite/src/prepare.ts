import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * Prepares one of our statements. It returns plain numbers and rows with names, whatever the owner of the connection
 * chose (`readBigInts`, `returnArrays`): a `changes` of `0n` is not `0`, and a job would be taken for stored twice.
 */
export function prepare(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  statement.setReadBigInts(false);
  // With the option that it takes back, since Node 24.0 and 22.16.
  if ("setReturnArrays" in statement) statement.setReturnArrays(false);
  return statement;
}
