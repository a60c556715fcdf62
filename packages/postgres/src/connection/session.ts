import type { ClientBase } from "pg";
import type { Query } from "./query.ts";

/** Settings that change the meaning of our statements. A server, database, role or pool may have other defaults. */
const MEANING: Readonly<Record<string, string>> = {
  default_transaction_isolation: "read committed",
  default_transaction_read_only: "off",
  // When off, a NULL inside an array is the text "null".
  array_nulls: "on",
  // Below 1, times in milliseconds lose digits.
  extra_float_digits: "1",
};

/** The time limit of a statement, in milliseconds, at the server as well: it must not go on there unseen. */
export const STATEMENT_MS = 8_000;

/**
 * Settings that can end or slow our statements and sessions. They are pinned on our own connections only. Elsewhere the
 * owner decides, and the error of a statement that was ended names the setting.
 */
const LIMITS: Readonly<Record<string, string>> = {
  search_path: "pg_catalog",
  statement_timeout: `${STATEMENT_MS}ms`,
  lock_timeout: "0",
  // A process that hangs in a transaction must not hold its locks for ever.
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

const PINS = JSON.stringify({ ...MEANING, ...LIMITS });

/** Skips settings that this server's version lacks. Sets nothing behind a pooler, where the session is shared. */
const PIN = `SELECT pg_catalog.set_config(name, value, false)
  FROM pg_catalog.json_each_text($1::json) AS pin (name, value) JOIN pg_catalog.pg_settings USING (name)
  WHERE pg_catalog.pg_backend_pid() = $2::integer`;

/** Pins all settings above until the connection ends. For connections that this process opened for itself. */
export async function pinSession(client: ClientBase): Promise<void> {
  await client.query(PIN, [PINS, processIdOf(client)]);
}

/** The server's process, as the other side named it when the connection began. A pooler names a number of its own. */
export function processIdOf(client: ClientBase): number | null {
  return "processID" in client && typeof client.processID === "number" ? client.processID : null;
}

/** Begins a transaction with the settings of `MEANING`, whatever the session's defaults. One message. */
export const BEGIN_PINNED: string = [
  "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE",
  ...Object.entries(MEANING)
    .filter(([name]) => !name.startsWith("default_transaction"))
    .map(([name, value]) => `SET LOCAL ${name} = ${value}`),
].join("; ");

/** Whether the session's defaults change the meaning of a statement outside `BEGIN_PINNED`. */
export async function hasUnusualDefaults(query: Query): Promise<boolean> {
  const sql = `SELECT name FROM pg_catalog.json_each_text($1::json) AS pin (name, value)
    WHERE pg_catalog.current_setting(name) <> value LIMIT 1`;
  return (await query(sql, [JSON.stringify(MEANING)])).length > 0;
}
