import type { ClientBase } from "pg";
import type { Query } from "./database.ts";

/**
 * Settings that change what our statements mean, with the values they are written for. A server, database, role or pool
 * may default to others.
 */
const MEANING: Readonly<Record<string, string>> = {
  default_transaction_isolation: "read committed",
  default_transaction_read_only: "off",
  // Off, a NULL inside an array is the text "null".
  array_nulls: "on",
  // Below 1, times in milliseconds come back with fewer digits than they have.
  extra_float_digits: "1",
};

/** A statement that this process has given up must not go on at the server. */
export const STATEMENT_MS = 8_000;

/**
 * Settings that can end or slow our statements and sessions. Pinned only on connections of our own: elsewhere they are
 * the owner's decision, and what they end is an error that names them.
 */
const COMFORT: Readonly<Record<string, string>> = {
  search_path: "pg_catalog",
  statement_timeout: `${STATEMENT_MS}ms`,
  lock_timeout: "0",
  // A process that stands still in a transaction must not hold its locks for ever.
  idle_in_transaction_session_timeout: "60s",
  idle_session_timeout: "0",
  transaction_timeout: "0",
  exit_on_error: "off",
  enable_indexscan: "on",
  enable_indexonlyscan: "on",
  enable_nestloop: "on",
  enable_tidscan: "on",
  enable_sort: "on",
};

const PINS = JSON.stringify({ ...MEANING, ...COMFORT });

/** Names that this server's version does not have are left out. Behind a pooler nothing is set: the session is not ours alone. */
const PIN = `SELECT pg_catalog.set_config(name, value, false)
  FROM pg_catalog.json_each_text($1::json) AS pin (name, value) JOIN pg_catalog.pg_settings USING (name)
  WHERE pg_catalog.pg_backend_pid() = $2::integer`;

/** Pins every setting above for as long as the connection lasts. It must be opened by us, for us. */
export async function pinSession(client: ClientBase): Promise<void> {
  await client.query(PIN, [PINS, processIdOf(client)]);
}

/** As the other side gave it when the connection began; a pooler gives a number of its own. */
export function processIdOf(client: ClientBase): number | null {
  return "processID" in client && typeof client.processID === "number" ? client.processID : null;
}

/** Begins a transaction in which our statements mean what they should, whatever the session's defaults. One message. */
export const BEGIN_PINNED: string = [
  "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE",
  ...Object.entries(MEANING)
    .filter(([name]) => !name.startsWith("default_transaction"))
    .map(([name, value]) => `SET LOCAL ${name} = ${value}`),
].join("; ");

/** Whether a statement by itself, outside `BEGIN_PINNED`, means something else on the connections of `query`. */
export async function meansOtherwise(query: Query): Promise<boolean> {
  const sql = `SELECT name FROM pg_catalog.json_each_text($1::json) AS pin (name, value)
    WHERE pg_catalog.current_setting(name) <> value LIMIT 1`;
  return (await query(sql, [JSON.stringify(MEANING)])).length > 0;
}
