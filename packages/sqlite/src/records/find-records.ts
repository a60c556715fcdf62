import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RecordRange, RecordStore, StoredRecord } from "@waybill/core/backend";
import type { Read } from "../management/inspector.ts";
import { clamped } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { COLUMNS, recordOf } from "./record-rows.ts";
import { textMatch } from "../schema/text-index.ts";

type Column = "code" | "tenant" | "state" | "type" | "queue";

/** Rows read in one turn of the event loop, which waits meanwhile. */
const SLICE = 4_000;
const LAST = Number.MAX_SAFE_INTEGER;

/** The one that is likely to leave the fewest rows comes first. */
const byPromise = (state: string | undefined): readonly Column[] =>
  state === "completed" ? ["code", "tenant", "type", "queue"] : ["code", "tenant", "state", "type", "queue"];

/** Rows in the order of pages, and what is asked of each. */
interface Source {
  /** Parameters: those of `given`, a position before which, one from which on, and a number of rows. */
  readonly rows: string;
  readonly given: readonly SQLInputValue[];
  readonly tests: string;
  readonly values: readonly SQLInputValue[];
}

/**
 * Reads the index of one filter, newest first, and of its rows those that pass the others, a slice at a time. A text is looked for in
 * each row of a first slice, which has it where it is common; then in those that the index of texts names, if the file has one.
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
    const given = byPromise(undefined).filter((name) => filter[name] !== undefined);
    const column = byPromise(filter.state).find((name) => filter[name] !== undefined);
    const index = column === undefined ? "NOT INDEXED" : `INDEXED BY waybill_records_${column}`;
    const partial = column === "state" ? "AND state <> 'completed'" : "";
    const found: { readonly position: number; readonly record: StoredRecord }[] = [];

    /** Tests of the columns that the source does not have in its index, and of the text. */
    function tested(names: readonly Column[]): Pick<Source, "tests" | "values"> {
      const pattern = text === undefined ? [] : [`%${text.replaceAll(/[\\%_]/g, "\\$&")}%`];
      const tests = [
        ...names.map((name) => `${name} = ?`),
        ...pattern.map(() => "(payload LIKE ? ESCAPE '\\' OR message LIKE ? ESCAPE '\\')"),
      ];
      return {
        tests: tests.join(" AND "),
        values: [...names.map((name) => filter[name] as string), ...pattern, ...pattern],
      };
    }

    /** Adds what is found from `least` on. Returns the position before which it has not looked; null once it has nothing more to look at. */
    async function look(source: Source, before: number, least: number, slices: number): Promise<number | null> {
      const { rows, given: own, tests, values } = source;
      const where = tests === "" ? "" : `WHERE ${tests}`;
      // Without the limit it would read the whole slice although the page is full.
      const matching = prepared(`SELECT ${COLUMNS} FROM (SELECT waybill_records.* ${rows}) ${where} LIMIT ?`);
      const slice = prepared(
        `SELECT count(*) AS count, ${clamped("min(position)")} AS last FROM (SELECT position ${rows})`,
      );
      for (let done = 0, from = before; ; done += 1) {
        if (done === slices) return from;
        const missing = limit + 1 - found.length;
        const length = tests === "" ? missing : SLICE;
        const range = [...own, from, least, length];
        const part = read(() => matching.all(...range, ...values, missing));
        for (const row of part) found.push({ position: Number(row["position"]), record: recordOf(row) });
        if (found.length > limit || tests === "") return null;
        const { count, last } = read(() => slice.get(...range)) as { count: number; last: number };
        if (count < length) return null;
        from = last;
        await nextTurn();
      }
    }

    const everyRow: Source = {
      rows: `FROM waybill_records ${index}
        WHERE scope = ? ${column === undefined ? "" : `AND ${column} = ?`} ${partial} AND position < ? AND position >= ?
        ORDER BY position DESC LIMIT ?`,
      given: [scope, ...(column === undefined ? [] : [filter[column] as string])],
      ...tested(given.filter((name) => name !== column)),
    };
    const least = since === undefined ? 0 : since * perMs;
    const first = Math.min(
      until === undefined ? LAST : until * perMs,
      after === undefined ? LAST : Number.parseInt(after, 10),
    );
    const match = text === undefined ? null : read(() => textMatch(db, text));
    const before = await look(everyRow, first, least, match === null ? Infinity : 1);
    if (match !== null && before !== null) {
      const { tests, values } = tested(given);
      const named: Source = {
        rows: match.source,
        given: [match.match],
        tests: `scope = ? AND ${tests}`,
        values: [scope, ...values],
      };
      await look(named, before, Math.max(least, match.since), Infinity);
      if (found.length <= limit) await look(everyRow, Math.min(before, match.since), least, Infinity);
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
