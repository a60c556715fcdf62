import type { RecordChange, RecordStore } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";
import { createRecordSearch } from "./find-records.ts";
import { COLUMNS, recordOf, type RecordRow } from "./record-rows.ts";
import { createRecordRetention } from "./retention.ts";

/** Whether a change has the newer state; see `mergeRecord` of core. */
const NEWER = `(excluded.rank > r.rank OR (excluded.rank = r.rank AND excluded.at >= r.at) OR excluded.replaces > r.at)`;
const newer = (column: string): string => `${column} = CASE WHEN ${NEWER} THEN excluded.${column} ELSE r.${column} END`;
const first = (column: string): string => `${column} = coalesce(r.${column}, excluded.${column})`;

/** Keeps the records of one scope in the table `records`. `query` rejects once the backend is closed. Call it through `guardedRecordStore`. */
export function createRecordStore(query: Query, schema: string, scope: string): RecordStore {
  const table = `"${schema}".records`;
  const sql = {
    write: `INSERT INTO ${table} AS r (scope, id, type, queue, tenant, enqueued_at, payload, state, code, message, at, started_at,
        ended_at, rank, replaces, items)
      SELECT $1::text, id, type, queue, tenant, "enqueuedAt", payload, state, code, message, at, "startedAt", "endedAt", rank, replaces, items
      FROM json_to_recordset($2::text::json) AS change (id text, type text, queue text, tenant text, "enqueuedAt" bigint, payload text,
        state text, code text, message text, at bigint, "startedAt" bigint, "endedAt" bigint, rank bigint, replaces bigint, items jsonb)
      ON CONFLICT (scope, id) DO UPDATE SET
        type = CASE WHEN r.type = '' THEN excluded.type ELSE r.type END,
        queue = CASE WHEN r.queue = '' THEN excluded.queue ELSE r.queue END,
        ${first("tenant")}, ${first("payload")}, items = r.items || excluded.items,
        started_at = coalesce(CASE WHEN ${NEWER} THEN excluded.started_at END, r.started_at, excluded.started_at),
        ${["state", "code", "message", "at", "ended_at", "rank", "replaces"].map(newer).join(", ")}`,
    // By itself: within the statement above, two writers of the same jobs could wait for each other.
    seen: `INSERT INTO "${schema}".record_times AS t (scope, at) VALUES ($1::text, $2::text::bigint)
      ON CONFLICT (scope) DO UPDATE SET at = greatest(t.at, excluded.at)`,
    get: `SELECT ${COLUMNS} FROM ${table} WHERE scope = $1::text AND id = $2::text`,
  };

  return {
    async write(changes) {
      await query(sql.write, [scope, JSON.stringify(changes)]);
      await query(sql.seen, [scope, String(Math.max(...changes.map(({ at }: RecordChange) => at)))]);
    },
    async get(id) {
      const [row] = (await query(sql.get, [scope, id])) as RecordRow[];
      return row === undefined ? null : recordOf(row);
    },
    find: createRecordSearch(query, schema, scope),
    prune: createRecordRetention(query, schema, scope),
  };
}
