import type { DatabaseSync } from "node:sqlite";
import type { Migration } from "@waybill/core";
import { configInvalid } from "@waybill/core/backend";
import { rollBack, valueOf } from "../sql/statement.ts";
import { applicationId, firstTables, schemaSteps } from "./steps.ts";

/** The schema version that this package reads and writes. */
export const schemaVersion: number = schemaSteps.length;

/**
 * Brings the schema up to date in one transaction. Takes the write lock even when nothing is to do, which proves that the
 * file can be written. Throws SQLite's busy error while another process writes, and `CONFIG_INVALID` as `assertOurs` does.
 */
export function migrateSchema(db: DatabaseSync, file: string): Migration {
  db.exec("BEGIN IMMEDIATE");
  try {
    const from = assertOurs(db, file);
    assertOwnVersion(db, file, from);
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

/**
 * Returns the file's schema version; 0 for an empty file. Throws `CONFIG_INVALID` for the file of another application, and
 * for a version newer than this package's. Writes nothing.
 */
export function assertOurs(db: DatabaseSync, file: string): number {
  const application = Number(valueOf(db, "PRAGMA application_id"));
  const version = Number(valueOf(db, "PRAGMA user_version"));
  if (application !== applicationId) {
    const tables = Number(valueOf(db, "SELECT count(*) FROM sqlite_schema"));
    if (application === 0 && version === 0 && tables === 0) return 0;
    const text = `"${file}" was not made by waybill (application_id ${application}); give waybill a file of its own, or let it make the file before you create your tables: waybill migrate --url "sqlite:${file}"`;
    throw configInvalid(text);
  }
  if (version > schemaVersion) {
    const text = `"${file}" has schema ${version}, and this @waybill/sqlite knows schemas up to ${schemaVersion}; update the package. If another program set user_version, set it back to ${schemaVersion}`;
    throw configInvalid(text);
  }
  return version;
}

/** A program that shares the file may number its own schema in `user_version`. No step may then run a second time. */
function assertOwnVersion(db: DatabaseSync, file: string, version: number): void {
  const made = `SELECT count(*) FROM sqlite_schema WHERE name IN (${firstTables.map((name) => `'${name}'`).join()})`;
  const least = Number(valueOf(db, made));
  if (version >= least) return;
  const text = `"${file}" has tables of schema ${least}, and user_version says ${version}: another program changed it. Set it back by PRAGMA user_version = ${least}, and let that program keep its number elsewhere`;
  throw configInvalid(text);
}
