import { type Migration, toError } from "@waybill/core";
import { configInvalid } from "@waybill/core/backend";
import type { Database } from "../connection/database.ts";
import type { Query } from "../connection/query.ts";
import { codeOf } from "../errors.ts";
import { dropFunctions, functions } from "./functions.ts";
import { channelOf, schemaSteps } from "./steps.ts";

/** The schema version that this package reads and writes. */
export const schemaVersion: number = schemaSteps.length;

/**
 * Brings the schema up to date. Asks for its version first, so that a user who may not create tables need not, once they
 * exist. Rejects `CONFIG_INVALID` for a schema of another application, one newer than this package, and an old one with
 * `mayMigrate` false.
 */
export async function migrateSchema(database: Database, schema: string, mayMigrate: boolean): Promise<Migration> {
  await assertUtf8(database.query);
  const from = await versionOf(database.query, schema);
  if (from === schemaVersion) return { from, to: from };
  if (!mayMigrate) {
    const text = `schema "${schema}" is at version ${from} and this package needs ${schemaVersion}; migrate it first (waybill migrate URL), or leave out migrate=off`;
    throw configInvalid(text);
  }
  try {
    return await database.transactAtLength((query) => migrateIn(query, schema));
  } catch (thrown) {
    const error = toError(thrown);
    if (codeOf(error) !== "42501") throw thrown;
    const text = `this user may not create schema "${schema}" or its tables (${error.message}); run "waybill migrate URL" as one who may, then grant usage of the schema and all on its tables, sequences and functions`;
    throw configInvalid(text, error);
  }
}

/** Runs in one process at a time. The others wait for its commit and then find nothing to do. */
async function migrateIn(query: Query, schema: string): Promise<Migration> {
  await query("SELECT pg_advisory_xact_lock(hashtext('waybill'), hashtext($1))", [schema]);
  const from = await versionOf(query, schema);
  if (from === schemaVersion) return { from, to: from };
  const [found] = await query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (found === undefined) await query(`CREATE SCHEMA "${schema}"`);
  await query(`SET LOCAL search_path = "${schema}"`);
  if (from === 0) await query("CREATE TABLE schema_version (version integer NOT NULL, since timestamptz NOT NULL)");
  for (const step of schemaSteps.slice(from)) await query(step(schema));
  await query(`${dropFunctions(schema)} ${functions(schema, channelOf(schema))}`);
  await query("INSERT INTO schema_version VALUES ($1, statement_timestamp())", [schemaVersion]);
  return { from, to: schemaVersion };
}

/** Returns 0 for an empty schema, or none. */
async function versionOf(query: Query, schema: string): Promise<number> {
  const [found] = await query(
    `SELECT to_regclass($1) IS NOT NULL AS ours, EXISTS (
       SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $2
     ) AS used`,
    [`"${schema}".schema_version`, schema],
  );
  const { ours, used } = found as { ours: boolean; used: boolean };
  if (!ours && !used) return 0;
  if (!ours) {
    const text = `schema "${schema}" holds another application's tables; name another for waybill: ?schema=waybill`;
    throw configInvalid(text);
  }
  const [row] = await query(`SELECT max(version) AS version FROM "${schema}".schema_version`);
  const { version } = row as { version: number };
  if (version <= schemaVersion) return version;
  const text = `schema "${schema}" is at version ${version}, and this @waybill/postgres knows versions up to ${schemaVersion}; update the package`;
  throw configInvalid(text);
}

/** In another encoding some envelopes cannot be stored, and invalid bytes could be. */
async function assertUtf8(query: Query): Promise<void> {
  const [row] = await query("SELECT current_setting('server_encoding') AS encoding");
  const { encoding } = row as { encoding: string };
  if (encoding === "UTF8") return;
  throw configInvalid(`the database's encoding is ${encoding}; waybill needs one made with ENCODING 'UTF8'`);
}
