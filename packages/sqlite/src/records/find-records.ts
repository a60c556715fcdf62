import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordRange, RecordStore, StoredRecord } from "@waybill/core/backend";
import type { Read } from "../management/inspector.ts";
import { clamped } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { COLUMNS, recordOf } from "./record-rows.ts";

type Column = "code" | "tenant" | "state" | "type" | "queue";

/** Rows read in one turn of the event loop, which waits meanwhile. */
const SLICE = 4_000;
const LAST = Number.MAX_SAFE_INTEGER;

/** The one that is likely to leave the fewest rows comes first. */
const byPromise = (state: string | undefined): readonly Column[] =>
  state === "completed" ? ["code", "tenant", "type", "queue"] : ["code", "tenant", "state", "type", "queue"];

/**
 * Reads the index of one filter, newest first, and of its rows those that pass the others, a slice at a time. A text has no
 * index: it is looked for in each row.
 */
export function createRecordSearch(db: DatabaseSync, scope: string, perMs: number, read: Read): RecordStore["find"] {
  const prepare = prepareOn(db);
  const statements = new Map<string, StatementSync>();
  const newest = prepare("SELECT at FROM waybill_record_times WHERE scope = ?");

  function prepared(sql: string): StatementSync {
    const known = statements.get(sql) ?? prepare(sql);
    statements.set(sql, known);
    return known;
  }

  return async ({ limit, after, since, until, text, ...filter }: RecordRange) => {
    const column = byPromise(filter.state).find((name) => filter[name] !== undefined);
    const others = byPromise(undefined).filter((name) => name !== column && filter[name] !== undefined);
    const index = column === undefined ? "NOT INDEXED" : `INDEXED BY waybill_records_${column}`;
    const partial = column === "state" ? "AND state <> 'completed'" : "";
    const source = `FROM waybill_records ${index}
      WHERE scope = ? ${column === undefined ? "" : `AND ${column} = ?`} ${partial} AND position < ? AND position >= ?
      ORDER BY position DESC LIMIT ?`;
    const pattern = text === undefined ? [] : [`%${text.replaceAll(/[\\%_]/g, "\\$&")}%`];
    const tests = [
      ...others.map((name) => `${name} = ?`),
      ...pattern.map(() => "(payload LIKE ? ESCAPE '\\' OR message LIKE ? ESCAPE '\\')"),
    ].join(" AND ");
    const values = [...others.map((name) => filter[name] as string), ...pattern, ...pattern];
    // Without the limit it would read the whole slice although the page is full.
    const rows = prepared(
      `SELECT ${COLUMNS} FROM (SELECT * ${source}) ${tests === "" ? "" : `WHERE ${tests}`} LIMIT ?`,
    );
    const slice = prepared(
      `SELECT count(*) AS count, ${clamped("min(position)")} AS last FROM (SELECT position ${source})`,
    );
    const least = since === undefined ? 0 : since * perMs;
    let before = Math.min(
      until === undefined ? LAST : until * perMs,
      after === undefined ? LAST : Number.parseInt(after, 10),
    );
    const found: { readonly position: number; readonly record: StoredRecord }[] = [];

    for (;;) {
      const length = tests === "" ? limit + 1 - found.length : SLICE;
      const range: SQLInputValue[] = [
        scope,
        ...(column === undefined ? [] : [filter[column] as string]),
        before,
        least,
        length,
      ];
      const part = read(() => rows.all(...range, ...values, limit + 1 - found.length));
      for (const row of part) found.push({ position: Number(row["position"]), record: recordOf(row) });
      if (found.length > limit || tests === "") break;
      const { count, last } = read(() => slice.get(...range)) as { count: number; last: number };
      if (count < length) break;
      before = last;
      await nextTurn();
    }
    const page = found.slice(0, limit);
    const asOf = read(() => newest.get(scope))?.["at"];
    return {
      records: page.map(({ record }) => record),
      next: found.length > limit ? String(page.at(-1)?.position) : null,
      asOf: typeof asOf === "number" ? asOf : null,
    };
  };
}
