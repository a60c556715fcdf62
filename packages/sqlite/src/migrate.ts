import type { DatabaseSync } from "node:sqlite";
import { type Migration, toError, WaybillError } from "@waybill/core";
import { openFile } from "./open-file.ts";
import { optionsFromUrl, settingsOf } from "./options.ts";
import { prepare } from "./prepare.ts";
import { applicationId, schemaSteps } from "./sql/schema.ts";

/** The schema this package writes and reads. */
export const schemaVersion: number = schemaSteps.length;

/**
 * Brings the schema of a file up to date. Makes the file a `sqlite:` URL names if need be. Opening the backend does
 * the same; this is for those who want it done at a time of their own. Safe from many processes at once. Rejects
 * `CONFIG_INVALID` for a file that is another's, or newer than this package.
 */
export async function migrate(url: string): Promise<Migration> {
  const { db, migrated } = await openFile(settingsOf(optionsFromUrl(url)));
  db.close();
  return migrated;
}

/**
 * In one transaction, by whichever process comes first. Also proves that the file can be written: it takes the write
 * lock even when there is nothing to do. Throws SQLite's busy error when another process writes.
 */
export function migrateSchema(db: DatabaseSync, file: string): Migration {
  db.exec("BEGIN IMMEDIATE");
  try {
    const from = versionOf(db, file);
    requireOwnVersion(db, file, from);
    for (const step of schemaSteps.slice(from)) db.exec(step);
    if (from < schemaVersion) {
      db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
    }
    db.exec("COMMIT");
    return { from, to: schemaVersion };
  } catch (thrown) {
    rollBack(db);
    throw thrown;
  }
}

/** Programs that share the file may number their own schema in `user_version`; a step must not be taken twice for it. */
function requireOwnVersion(db: DatabaseSync, file: string, version: number): void {
  const made = `SELECT count(*) FROM sqlite_schema WHERE name IN ('waybill_jobs', 'waybill_workers')`;
  const least = numberFrom(db, made);
  if (version >= least) return;
  const text = `"${file}" has tables of schema ${least}, and user_version says ${version}: another program changed it. Set it back by PRAGMA user_version = ${least}, and let that program keep its number elsewhere`;
  throw invalid(text);
}

/** Throws CONFIG_INVALID for a file that is another application's, or a newer waybill's. Writes nothing. */
export function versionOf(db: DatabaseSync, file: string): number {
  const application = numberFrom(db, "PRAGMA application_id");
  const version = numberFrom(db, "PRAGMA user_version");
  if (application !== applicationId) {
    const tables = numberFrom(db, "SELECT count(*) FROM sqlite_schema");
    if (application === 0 && version === 0 && tables === 0) return 0;
    throw invalid(`"${file}" is another application's database; give waybill a file of its own, such as ./waybill.db`);
  }
  if (version > schemaVersion) {
    const text = `"${file}" has schema ${version}, and this @waybill/sqlite knows schemas up to ${schemaVersion}; update the package. If another program set user_version, set it back to ${schemaVersion}`;
    throw invalid(text);
  }
  return version;
}

/**
 * Ends the transaction. After some errors SQLite has ended it already and says so here; a transaction that is still
 * open would fail the next BEGIN.
 */
export function rollBack(db: DatabaseSync): Error | null {
  try {
    db.exec("ROLLBACK");
    return null;
  } catch (thrown) {
    return toError(thrown);
  }
}

function numberFrom(db: DatabaseSync, sql: string): number {
  return Number(Object.values(prepare(db, sql).get() ?? {})[0]);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
