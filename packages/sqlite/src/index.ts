import type { Migration } from "@waybill/core";
import type { BackendFactory } from "@waybill/core/backend";
import { openSqlite, type SqliteBackend } from "./backend.ts";
import { openFile } from "./file/open-file.ts";
import { optionsFromUrl, settingsOf, type SqliteOptions } from "./options/options.ts";

export type { SqliteBackend } from "./backend.ts";
export { sqliteCapabilities } from "./capabilities.ts";
export { schemaVersion } from "./schema/migrate.ts";
export type { SqliteOptions } from "./options/options.ts";

/** Opens a backend with an inspector, a doctor, a worker registry, a ledger, job control, `enqueueIn` and `completeIn`. */
export type SqliteFactory = (...context: Parameters<BackendFactory>) => Promise<SqliteBackend>;

/**
 * Keeps jobs in one SQLite file, which any number of processes on one machine may share. Throws `CONFIG_INVALID` for an
 * unknown option or a value that cannot be used.
 */
export function sqliteBackend(options: SqliteOptions): SqliteFactory {
  const settings = settingsOf(options);
  return (context) => openSqlite(settings, context);
}

/**
 * Does the same for `sqlite:./waybill.db?retainMaxCount=1000`. The README names the parameters. Throws `CONFIG_INVALID` for
 * a parameter that it does not know.
 */
export function fromUrl(url: string): SqliteFactory {
  return sqliteBackend(optionsFromUrl(url));
}

/**
 * Brings the schema of the file that a `sqlite:` URL names up to date, and makes the file if it is missing. The backend
 * does the same when it opens. Any number of processes may call it at once. Rejects `CONFIG_INVALID` for a file of another
 * application, and for a schema newer than this package.
 */
export async function migrate(url: string): Promise<Migration> {
  const { db, migrated } = await openFile(settingsOf(optionsFromUrl(url)));
  db.close();
  return migrated;
}
