import { type Ledger, type LedgerChange, type LedgerRecord, notifiedKeys } from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";

/** Bigints arrive as text. */
interface Row {
  readonly key: string;
  readonly value: string;
  readonly version: string;
  readonly due_in_ms: number | null;
}

/** Follows every character of a key in the order of bytes, so that a prefix with it is behind every key with that prefix. */
const LAST = "\u007F";

/** Keeps the ledger in the table `ledger`. Every time is one of the server's clock. `query` rejects once the backend is closed. `written` gets the keys whose watches are to be called. */
export function createLedger(query: Query, schema: string, written: (keys: readonly string[]) => void): Ledger {
  const table = `"${schema}".ledger`;
  const columns = `key, value, version, extract(epoch FROM due_at - statement_timestamp())::float8 * 1000 AS due_in_ms`;
  const lives = "(expires_at IS NULL OR expires_at > statement_timestamp())";
  const sql = {
    read: `SELECT ${columns} FROM ${table} WHERE key = ANY ($1::text::text[]) AND ${lives}`,
    list: `SELECT ${columns} FROM ${table}
      WHERE key >= $1::text AND key < $2::text AND key > $3::text AND ${lives} ORDER BY key LIMIT $4::text::bigint`,
    due: `SELECT ${columns} FROM ${table}
      WHERE key >= $1::text AND key < $2::text AND due_at <= statement_timestamp() AND ${lives}`,
    first: `ORDER BY due_at, key LIMIT $3::text::bigint`,
    commit: `SELECT key, version FROM "${schema}".ledger_commit($1::text::text[], $2::text::bigint[], $3::text::text[],
      $4::text::float8[], $5::text::float8[])`,
  };

  return {
    async read(keys) {
      const rows = (await query(sql.read, [arrayLiteral([...new Set(keys)])])) as Row[];
      const found = new Map(rows.map((row) => [row.key, recordOf(row)]));
      return keys.map((key) => found.get(key) ?? null);
    },
    async commit(changes) {
      const rows = (await query(sql.commit, columnsOf(changes))) as { key: string; version: string | null }[];
      const versions = new Map(rows.map(({ key, version }) => [key, version]));
      const conflicts = changes.map(({ key }) => key).filter((key) => versions.get(key) === null);
      if (conflicts.length > 0) return { ok: false, conflicts };
      const keys = notifiedKeys(changes);
      if (keys.length > 0) written(keys);
      return { ok: true, versions: changes.map(({ key }) => Number(versions.get(key))) };
    },
    async list({ prefix, after = "", limit }) {
      const rows = await query(sql.list, [prefix, prefix + LAST, after, String(limit)]);
      return (rows as Row[]).map(recordOf);
    },
    async due({ prefix, limit }) {
      // With a whole first part, an index has the records in order. The parts of other features are not read.
      const [feature = "", ...rest] = prefix.split("/");
      const isWhole = rest.length > 0;
      const text = `${sql.due} ${isWhole ? `AND split_part(key, '/', 1) = $4::text` : ""} ${sql.first}`;
      const values = [prefix, prefix + LAST, String(limit)];
      const rows = await query(text, isWhole ? [...values, feature] : values);
      return (rows as Row[]).map(recordOf);
    },
  };
}

const recordOf = ({ key, value, version, due_in_ms }: Row): LedgerRecord => ({
  key,
  value,
  version: Number(version),
  dueInMs: due_in_ms,
});

/** The parameters of `ledger_commit()`: each column as one array literal. */
function columnsOf(changes: readonly LedgerChange[]): string[] {
  const column = (value: (change: LedgerChange) => string | number | null): string => arrayLiteral(changes.map(value));
  return [
    column(({ key }) => key),
    column(({ ifVersion }) => (ifVersion === "any" ? -1 : ifVersion === "absent" ? 0 : ifVersion)),
    column(({ value }) => value),
    column(({ dueInMs }) => dueInMs ?? null),
    column(({ expiresInMs }) => expiresInMs ?? null),
  ];
}
