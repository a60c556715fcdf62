import type { RecordChange, RecordStore } from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";

/**
 * Most changes are the first of a job that waits, or the end of a run of a job whose record has all else: a statement for each writes
 * them, and returns the ids of those that were not as expected, which are merged.
 */
export function createRecordWriter(query: Query, schema: string, scope: string): RecordStore["write"] {
  const sql = {
    waiting: `SELECT record_waiting AS id FROM "${schema}".record_waiting($1::text, $2::text::text[], $3::text::text[], $4::text::text[],
      $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[], $9::text::text[], $10::text::text[])`,
    states: `SELECT record_states AS id FROM "${schema}".record_states($1::text, $2::text::text[], $3::text::text[], $4::text::text[],
      $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[], $9::text::bigint[], $10::text::bigint[],
      $11::text::text[], $12::text::text[], $13::text::boolean[])`,
    merge: `SELECT 1 FROM "${schema}".record_merge($1::text, $2::text::json)`,
    // By itself: within the statements above, two writers of the same jobs could wait for each other.
    seen: `INSERT INTO "${schema}".record_times AS t (scope, at)
      SELECT $1::text, $2::text::bigint FROM pg_catalog.set_config('synchronous_commit', 'off', true)
      ON CONFLICT (scope) DO UPDATE SET at = greatest(t.at, excluded.at)`,
  };

  /** Returns those that the statement did not write. */
  async function leftBy(text: string, columns: readonly Column[], changes: readonly RecordChange[]) {
    if (changes.length === 0) return [];
    const rows = await query(text, [scope, ...columns.map((column) => arrayLiteral(changes.map(column)))]);
    if (rows.length === 0) return [];
    const ids = new Set(rows.map((row) => (row as { id: string }).id));
    return changes.filter(({ id }) => ids.has(id));
  }

  return async (changes) => {
    const waiting: RecordChange[] = [];
    const states: RecordChange[] = [];
    const others: RecordChange[] = [];
    for (const change of changes) {
      if (change.rank > 0) states.push(change);
      else if (isPlain(change)) waiting.push(change);
      else others.push(change);
    }
    others.push(...(await leftBy(sql.waiting, WAITING, waiting)), ...(await leftBy(sql.states, STATES, states)));
    others.sort((one, other) => (one.id < other.id ? -1 : 1));
    if (others.length > 0) await query(sql.merge, [scope, JSON.stringify(others)]);
    await query(sql.seen, [scope, String(Math.max(...changes.map(({ at }) => at)))]);
  };
}

type Column = (change: RecordChange) => string | number | null;

const isPlain = ({ state, code, message, startedAt, endedAt, type, queue }: RecordChange): boolean =>
  state === "waiting" && (code ?? message ?? startedAt ?? endedAt) === null && type !== "" && queue !== "";

function jsonOf({ items }: RecordChange): string {
  for (const _ in items) return JSON.stringify(items);
  return "{}";
}

/** The parameters of `record_waiting()` but the first. */
const WAITING: readonly Column[] = [
  ({ id }) => id,
  ({ type }) => type,
  ({ queue }) => queue,
  ({ tenant }) => tenant,
  ({ enqueuedAt }) => enqueuedAt,
  ({ at }) => at,
  ({ replaces }) => replaces,
  ({ payload }) => payload,
  jsonOf,
];

/** The parameters of `record_states()` but the first. */
const STATES: readonly Column[] = [
  ({ id }) => id,
  ({ state }) => state,
  ({ code }) => code,
  ({ message }) => message,
  ({ at }) => at,
  ({ startedAt }) => startedAt,
  ({ endedAt }) => endedAt,
  ({ rank }) => rank,
  ({ replaces }) => replaces,
  jsonOf,
  ({ tenant }) => tenant,
  ({ payload }) => (payload === null ? "f" : "t"),
];
