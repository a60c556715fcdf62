import type { RecordStore } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";

/** A count of all records reads an index of all, so it serves the steps of one round. */
const COUNT_HOLDS_MS = 5_000;

/** Removes the records of one scope that were enqueued first. */
export function createRecordRetention(query: Query, schema: string, scope: string): RecordStore["prune"] {
  const table = `"${schema}".records`;
  const sql = {
    count: `SELECT count(*) AS count FROM ${table} WHERE scope = $1::text`,
    remove: `WITH removed AS (DELETE FROM ${table} WHERE scope = $1::text AND id = ANY (ARRAY(
        SELECT id FROM ${table} WHERE scope = $1::text AND enqueued_at < $2::text::bigint
        ORDER BY enqueued_at, number LIMIT $3::text::bigint)) RETURNING 1)
      SELECT count(*) AS count FROM removed`,
  };
  let counted: { readonly most: number; readonly at: number; excess: number } | null = null;

  async function countOf(text: string, values: readonly unknown[]): Promise<number> {
    const [row] = (await query(text, values)) as { count: string }[];
    return Number(row?.count ?? 0);
  }

  async function excessOver(most: number): Promise<number> {
    const at = performance.now();
    if (counted === null || counted.most !== most || counted.excess <= 0 || at - counted.at > COUNT_HOLDS_MS) {
      counted = { most, at, excess: (await countOf(sql.count, [scope])) - most };
    }
    return Math.max(0, counted.excess);
  }

  async function remove(before: number, limit: number): Promise<number> {
    if (limit <= 0) return 0;
    const removed = await countOf(sql.remove, [scope, String(before), String(limit)]);
    if (counted !== null) counted.excess -= removed;
    return removed;
  }

  return async ({ before, most, limit }) => {
    const old = before === null ? 0 : await remove(before, limit);
    if (most === null || old === limit) return old;
    return old + (await remove(Number.MAX_SAFE_INTEGER, Math.min(limit - old, await excessOver(most))));
  };
}
