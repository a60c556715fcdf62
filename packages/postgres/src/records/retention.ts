import type { RecordStore } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";

/** A count of all records reads an index of all, so it serves the steps of one round. */
const COUNT_HOLDS_MS = 5_000;
/** Between two looks for records that wait or run and are to be listed. Most jobs have ended after twice as long. */
const LIST_EVERY_MS = 5_000;
/** Records that are looked at for it in one statement, which takes less than a tenth of a second. */
const LOOKED_AT = 20_000;

/** Removes the records of one scope that were enqueued first, and keeps those that wait or run easy to find. */
export function createRecordRetention(query: Query, schema: string, scope: string): RecordStore["prune"] {
  const table = `"${schema}".records`;
  const sql = {
    count: `SELECT count(*) AS count FROM ${table} WHERE scope = $1::text`,
    remove: `WITH removed AS (DELETE FROM ${table} WHERE scope = $1::text AND id = ANY (ARRAY(
        SELECT id FROM ${table} WHERE scope = $1::text AND enqueued_at < $2::text::bigint
        ORDER BY enqueued_at, number LIMIT $3::text::bigint)) RETURNING 1)
      SELECT count(*) AS count FROM removed`,
    list: `SELECT 1 FROM "${schema}".record_list_open($1::text, $2::text::bigint, $3::text::bigint, $4::text::bigint)`,
  };
  let listedAt = -Infinity;
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

  /** Once in a round. */
  async function listOpen(): Promise<void> {
    const at = performance.now();
    if (at - listedAt < LIST_EVERY_MS) return;
    listedAt = at;
    const second = Math.floor((Date.now() - 2 * LIST_EVERY_MS) / 1_000);
    await query(sql.list, [scope, String(second), String(LOOKED_AT), String(Date.now())]);
  }

  return async ({ before, most, limit }) => {
    await listOpen();
    const old = before === null ? 0 : await remove(before, limit);
    if (most === null || old === limit) return old;
    return old + (await remove(Number.MAX_SAFE_INTEGER, Math.min(limit - old, await excessOver(most))));
  };
}
