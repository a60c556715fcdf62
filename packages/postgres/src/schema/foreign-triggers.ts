import type { Query } from "../connection/query.ts";

/** A trigger that another program put on one of waybill's tables. */
export interface ForeignTrigger {
  readonly table: string;
  readonly name: string;
}

/** Lists the triggers in the schema that are not ours and fire. */
const anyTrigger = (schema: string): string => `
  SELECT relname::text AS "table", tgname::text AS name
  FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
  WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = '${schema}')
    AND NOT tgisinternal AND tgenabled IN ('O', 'A') AND (relname, tgname) <> ('inbox', 'arrivals')`;

/** Of `tgtype`: for each row, before, insert. */
const REFUSES_ROWS = "(tgtype::integer & 7) = 7";

/** Lists the triggers of other programs, by table and name. */
export async function foreignTriggers(query: Query, schema: string): Promise<readonly ForeignTrigger[]> {
  return (await query(`${anyTrigger(schema)} ORDER BY 1, 2`)) as readonly ForeignTrigger[];
}

/** Returns a trigger that can keep a job out of the table, although the statement succeeds; null for none. */
export async function refusingTrigger(query: Query, schema: string): Promise<string | null> {
  const sql = `${anyTrigger(schema)} AND relname = 'jobs' AND ${REFUSES_ROWS} ORDER BY tgname LIMIT 1`;
  const [found] = (await query(sql)) as readonly ForeignTrigger[];
  return found?.name ?? null;
}
