import type { RecordRange, RecordStore } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";
import { COLUMNS, recordOf, type RecordRow } from "./record-rows.ts";
import { LOWER_TEXTS, type TextIndex, textIndexOf } from "./text-index.ts";

const FILTERS = ["code", "tenant", "state", "type", "queue"] as const;
/** Rows in which a text is looked for before the index is asked: where it is common, they have a page of it. */
const FIRST_ROWS = 4_000;
const IN_ORDER = "ORDER BY enqueued_at DESC, number DESC";
/** The index has texts by three letters or digits in a row. */
const HAS_TRIGRAM = /[\p{L}\p{N}]{3}/u;

/**
 * Each filter has an index in the order of pages. A text is looked for in the rows that pass the others, or found by the index of texts,
 * where the schema has one.
 */
export function createRecordSearch(query: Query, schema: string, scope: string): RecordStore["find"] {
  const table = `"${schema}".records`;
  const newest = `SELECT at FROM "${schema}".record_times WHERE scope = $1::text`;

  return async (range) => {
    const [found, times] = await Promise.all([search(range), query(newest, [scope])]);
    const page = found.slice(0, range.limit);
    const last = page.at(-1);
    const [time] = times as { at: string }[];
    return {
      records: page.map(recordOf),
      next: last === undefined || found.length === page.length ? null : `${last.enqueued_at}.${last.number}`,
      asOf: time === undefined ? null : Number(time.at),
    };
  };

  async function search({ limit, after, since, until, text, ...filter }: RecordRange): Promise<RecordRow[]> {
    const values: unknown[] = [scope, String(limit + 1)];
    const value = (one: unknown): string => `$${values.push(String(one))}::text`;
    const tests = ["scope = $1::text"];
    const seconds = ["scope = $1::text"];
    const { state } = filter;
    const isOpen = state === "waiting" || state === "running";
    let isListed = "";
    for (const name of FILTERS) {
      if (filter[name] === undefined) continue;
      const wanted = value(filter[name]);
      tests.push(`${name} = ${wanted}`);
      if (name === "state" && state !== "completed") isListed = `AND listed = ${wanted}`;
    }
    if (since !== undefined) tests.push(`enqueued_at >= ${value(since)}::bigint`);
    if (until !== undefined) tests.push(`enqueued_at < ${value(until)}::bigint`);
    if (after !== undefined) {
      const [enqueuedAt, number] = after.split(".").map((part) => (/^\d{1,18}$/.test(part) ? part : "0"));
      const time = `${value(enqueuedAt)}::bigint`;
      tests.push(`(enqueued_at, number) < (${time}, ${value(number ?? "0")}::bigint)`);
      seconds.push(`second <= ${time} / 1000`);
    }
    const rows = async (sql: string): Promise<RecordRow[]> =>
      (await query(`${sql} ${IN_ORDER} LIMIT $2::text::bigint`, values)) as RecordRow[];
    const all = tests.join(" AND ");
    /** Records that pass the tests, newest first. */
    function read(also: string, most: string): string {
      const listed = `SELECT * FROM ${table} WHERE ${all} ${isListed} ${also} ${IN_ORDER} LIMIT ${most}`;
      return isOpen
        ? `SELECT * FROM ((${listed}) UNION ALL (${unlisted(`${all} ${also}`, seconds.join(" AND "), most)})) AS open
        ${IN_ORDER} LIMIT ${most}`
        : listed;
    }
    const page = "$2::text::bigint";
    if (text === undefined) return rows(`SELECT ${COLUMNS} FROM (${read("", page)}) AS found`);

    const pattern = value(`%${asciiLower(text).replaceAll(/[\\%_]/g, "\\$&")}%`);
    const hasText = `(${LOWER_TEXTS.payload} LIKE ${pattern} OR ${LOWER_TEXTS.message} LIKE ${pattern})`;
    const index = HAS_TRIGRAM.test(text) ? await textIndexOf(query, schema) : null;
    if (index === null) return rows(`SELECT ${COLUMNS} FROM (${read(`AND ${hasText}`, page)}) AS found`);
    const first = await rows(`SELECT ${COLUMNS} FROM (${read("", String(FIRST_ROWS))}) AS first WHERE ${hasText}`);
    if (first.length > limit) return first;
    return rows(indexed(all, hasText, index));
  }

  /** Those of each second that may have unlisted ones, newest first; see `records_open`. */
  function unlisted(tests: string, seconds: string, most: string): string {
    return `SELECT one.* FROM (SELECT second FROM "${schema}".records_open WHERE ${seconds} ORDER BY second DESC) AS open,
      LATERAL (SELECT * FROM ${table} WHERE ${tests} AND listed IS NULL AND enqueued_at >= second * 1000
        AND enqueued_at < (second + 1) * 1000 ${IN_ORDER} LIMIT ${most}) AS one LIMIT ${most}`;
  }

  /** What is found is sorted afterwards: by itself the server might read all records in their order, to look for the text in each. */
  function indexed(tests: string, hasText: string, { number, enqueuedAt }: TextIndex): string {
    return `WITH found AS MATERIALIZED (
        SELECT * FROM ${table} WHERE ${tests} AND ${hasText} AND number >= ${number}
        UNION ALL
        SELECT * FROM ${table} WHERE ${tests} AND ${hasText} AND number < ${number} AND enqueued_at <= ${enqueuedAt}
      ) SELECT ${COLUMNS} FROM found`;
  }
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
