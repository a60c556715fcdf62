import type { RecordRange, RecordStore } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";
import { COLUMNS, recordOf, type RecordRow } from "./record-rows.ts";

const FILTERS = ["code", "tenant", "state", "type", "queue"] as const;

/**
 * Each filter has an index in the order of pages. A text has none: it is looked for in the rows that pass the others. An index of
 * trigrams needs an extension that is not everywhere (pg_trgm).
 */
export function createRecordSearch(query: Query, schema: string, scope: string): RecordStore["find"] {
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
    for (const name of FILTERS) if (filter[name] !== undefined) tests.push(`${name} = ${value(filter[name])}`);
    // Says which index has these.
    if (filter.state !== undefined && filter.state !== "completed") tests.push("state <> 'completed'");
    if (since !== undefined) tests.push(`enqueued_at >= ${value(since)}::bigint`);
    if (until !== undefined) tests.push(`enqueued_at < ${value(until)}::bigint`);
    if (after !== undefined) {
      const [enqueuedAt, number] = after.split(".").map((part) => (/^\d{1,18}$/.test(part) ? part : "0"));
      tests.push(`(enqueued_at, number) < (${value(enqueuedAt)}::bigint, ${value(number ?? "0")}::bigint)`);
    }
    if (text !== undefined) {
      const pattern = value(`%${asciiLower(text).replaceAll(/[\\%_]/g, "\\$&")}%`);
      // In this collation `lower` changes the letters of ASCII alone.
      tests.push(`(lower(payload COLLATE "C") LIKE ${pattern} OR lower(message COLLATE "C") LIKE ${pattern})`);
    }
    const rows = await query(
      `SELECT ${COLUMNS} FROM "${schema}".records WHERE ${tests.join(" AND ")}
       ORDER BY enqueued_at DESC, number DESC LIMIT $2::text::bigint`,
      values,
    );
    return rows as RecordRow[];
  }
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
