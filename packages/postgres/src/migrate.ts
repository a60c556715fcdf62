import { type Migration, toError, WaybillError } from "@waybill/core";
import { type Database, openDatabase, type Query } from "./database.ts";
import { addressOf, databaseError, invalid } from "./errors.ts";
import { optionsFromUrl, settingsOf } from "./options.ts";
import { examineServer } from "./server.ts";
import { schemaSteps } from "./sql/schema.ts";

/** The schema this package writes and reads. */
export const schemaVersion: number = schemaSteps.length;

/**
 * Brings the schema up to date. Makes it if need be. The backend does the same when it opens, unless the URL says
 * `migrate=off`: then this is run by a user who may create tables. Safe from many processes at once. Rejects
 * `CONFIG_INVALID` for a schema that is another's, or newer than this package.
 */
export async function migrate(url: string): Promise<Migration> {
  const settings = settingsOf(optionsFromUrl(url));
  const address = addressOf(settings.url, settings.schema);
  const database = openDatabase(settings);
  try {
    await examineServer(database.query, address);
    return await bringUpToDate(database, settings.schema, true);
  } catch (thrown) {
    throw databaseError(thrown, address, "open");
  } finally {
    await database.close(1_000);
  }
}

/** Looks first, so that a user who may not create tables need not, once they are there. */
export async function bringUpToDate(database: Database, schema: string, mayMigrate: boolean): Promise<Migration> {
  await refuseEncoding(database.query);
  const from = await versionOf(database.query, schema);
  if (from === schemaVersion) return { from, to: from };
  if (!mayMigrate) {
    throw invalid(
      `schema "${schema}" is at version ${from} and this package needs ${schemaVersion}; migrate it first (waybill migrate URL), or leave out migrate=off`,
    );
  }
  try {
    return await database.transact((query) => migrateIn(query, schema));
  } catch (thrown) {
    throw mayNotCreate(thrown, schema);
  }
}

/** One process at a time: whoever comes second waits for the first to commit, and finds nothing left to do. */
async function migrateIn(query: Query, schema: string): Promise<Migration> {
  await query("SELECT pg_advisory_xact_lock(hashtext('waybill'), hashtext($1))", [schema]);
  const from = await versionOf(query, schema);
  if (from === schemaVersion) return { from, to: from };
  const [found] = await query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (found === undefined) await query(`CREATE SCHEMA "${schema}"`);
  // A statement that waits for another process's migration, or builds an index, may take long.
  await query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL search_path = "${schema}"`);
  if (from === 0) await query("CREATE TABLE schema_version (version integer NOT NULL, since timestamptz NOT NULL)");
  for (const step of schemaSteps.slice(from)) await query(step(schema));
  await query("INSERT INTO schema_version VALUES ($1, statement_timestamp())", [schemaVersion]);
  return { from, to: schemaVersion };
}

/** 0 where nothing is. Throws CONFIG_INVALID for a schema that is another application's, or a newer waybill's. */
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
    throw invalid(`schema "${schema}" holds another application's tables; name another for waybill: ?schema=waybill`);
  }
  const [row] = await query(`SELECT max(version) AS version FROM "${schema}".schema_version`);
  const { version } = row as { version: number };
  if (version > schemaVersion) {
    throw invalid(
      `schema "${schema}" is at version ${version}, and this @waybill/postgres knows versions up to ${schemaVersion}; update the package`,
    );
  }
  return version;
}

/** In another encoding some envelopes could not be stored, or bytes would go in that are no text. */
async function refuseEncoding(query: Query): Promise<void> {
  const [row] = await query("SELECT current_setting('server_encoding') AS encoding");
  const { encoding } = row as { encoding: string };
  if (encoding !== "UTF8")
    throw invalid(`the database's encoding is ${encoding}; waybill needs one made with ENCODING 'UTF8'`);
}

function mayNotCreate(thrown: unknown, schema: string): unknown {
  const error = toError(thrown);
  if (!("code" in error) || error.code !== "42501") return thrown;
  return new WaybillError(
    "CONFIG_INVALID",
    `this user may not create schema "${schema}" or its tables (${error.message}); run "waybill migrate URL" as one who may, then grant usage of the schema and all on its tables, sequences and functions`,
    { cause: error },
  );
}
