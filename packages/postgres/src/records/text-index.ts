import type { Database } from "../connection/database.ts";
import type { Query } from "../connection/query.ts";

const INDEX = "records_text";
/** In this collation `lower` changes the letters of ASCII alone. */
export const LOWER_TEXTS: Readonly<Record<"payload" | "message", string>> = {
  payload: 'lower(payload COLLATE "C")',
  message: 'lower(message COLLATE "C")',
};

/** The extension may be anywhere; a user who may create none leaves the texts without an index. */
const extension = (schema: string): string => `DO $$ BEGIN
    IF has_schema_privilege('public', 'CREATE') THEN CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    ELSE CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA "${schema}"; END IF;
  EXCEPTION WHEN OTHERS THEN NULL;
  END $$`;
const whereIsIt = `SELECT nspname AS place FROM pg_catalog.pg_extension
  JOIN pg_catalog.pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'pg_trgm'`;

/** Of which records the index has the texts. */
export interface TextIndex {
  /** Those of this `number` and above. */
  readonly number: string;
  /** Every record with a lower number was enqueued at this time or before, in Unix milliseconds. */
  readonly enqueuedAt: string;
}

/** Returns null where there is none. */
export async function textIndexOf(query: Query, schema: string): Promise<TextIndex | null> {
  const sql = `SELECT obj_description(to_regclass($1::text), 'pg_class') AS about`;
  const [row] = (await query(sql, [`"${schema}".${INDEX}`])) as { about: string | null }[];
  const [, number, enqueuedAt] = /^from number (\d+), after (\d+)$/.exec(row?.about ?? "") ?? [];
  return number === undefined || enqueuedAt === undefined ? null : { number, enqueuedAt };
}

/**
 * Makes the index of texts by pg_trgm, unless it is there or this user may not. It has the records that are written from now on, so that
 * a large table is not read twice; the lock keeps out writers of records while it is made.
 */
export async function makeTextIndex(database: Pick<Database, "transactAtLength">, schema: string): Promise<void> {
  await database.transactAtLength(async (query) => {
    await query("SELECT pg_advisory_xact_lock(hashtext('waybill texts'), hashtext($1))", [schema]);
    if ((await textIndexOf(query, schema)) !== null) return;
    await query(extension(schema));
    const [found] = (await query(whereIsIt)) as { place: string }[];
    if (found === undefined) return;
    await query(`LOCK TABLE "${schema}".records IN SHARE MODE`);
    const [last] = (await query(
      `SELECT coalesce(max(number), 0) + 1 AS number, coalesce(max(enqueued_at), 0) AS enqueued_at FROM "${schema}".records`,
    )) as { number: string; enqueued_at: string }[];
    const operators = `"${found.place}".gin_trgm_ops`;
    await query(`CREATE INDEX ${INDEX} ON "${schema}".records USING gin (${LOWER_TEXTS.payload} ${operators},
      ${LOWER_TEXTS.message} ${operators}) WHERE number >= ${last?.number}`);
    await query(`COMMENT ON INDEX "${schema}".${INDEX} IS 'from number ${last?.number}, after ${last?.enqueued_at}'`);
  });
}
