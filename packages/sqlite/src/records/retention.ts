import type { DatabaseSync } from "node:sqlite";
import type { RecordStore } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import { prepareOn } from "../sql/statement.ts";

/** A count of all records takes milliseconds, so it serves the steps of one round. */
const COUNT_HOLDS_MS = 5_000;

/** Removes the records of one scope that were enqueued first. */
export function createRecordRetention(
  db: DatabaseSync,
  scope: string,
  perMs: number,
  write: CommitGroup["write"],
): RecordStore["prune"] {
  const prepare = prepareOn(db);
  const count = prepare("SELECT count(*) AS count FROM waybill_records WHERE scope = ?");
  const remove = prepare(`DELETE FROM waybill_records WHERE position IN (
     SELECT position FROM waybill_records NOT INDEXED WHERE scope = ? AND position < ? ORDER BY position LIMIT ?)`);
  let counted: { readonly most: number; readonly at: number; excess: number } | null = null;

  function excessOver(most: number): number {
    const at = performance.now();
    const isFresh = counted !== null && counted.most === most && counted.excess > 0 && at - counted.at < COUNT_HOLDS_MS;
    if (!isFresh) counted = { most, at, excess: Number(count.get(scope)?.["count"]) - most };
    return Math.max(0, counted?.excess ?? 0);
  }

  return ({ before, most, limit }) =>
    write(() => {
      const old = before === null ? 0 : Number(remove.run(scope, before * perMs, limit).changes);
      if (counted !== null) counted.excess -= old;
      const left = Math.min(limit - old, most === null || old === limit ? 0 : excessOver(most));
      const excess = left === 0 ? 0 : Number(remove.run(scope, Number.MAX_SAFE_INTEGER, left).changes);
      if (counted !== null) counted.excess -= excess;
      return old + excess;
    });
}
