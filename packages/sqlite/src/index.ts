import type { BackendFactory } from "@waybill/core/backend";
import { openSqlite, type SqliteBackend } from "./backend.ts";
import { optionsFromUrl, settingsOf, type SqliteOptions } from "./options.ts";

export type { SqliteBackend } from "./backend.ts";
export { sqliteCapabilities } from "./capabilities.ts";
export { migrate, schemaVersion } from "./migrate.ts";
export type { SqliteOptions } from "./options.ts";

/** Opens with more than the general `BackendFactory` promises: an `inspector`, a `doctor` and a `roster`. */
export type SqliteFactory = (...context: Parameters<BackendFactory>) => Promise<SqliteBackend>;

/** Jobs in one SQLite file. Any number of processes on one machine share it. Throws CONFIG_INVALID for bad options. */
export function sqliteBackend(options: SqliteOptions): SqliteFactory {
  const settings = settingsOf(options);
  return (context) => openSqlite(settings, context);
}

/**
 * The same from `sqlite:./waybill.db?retainMaxCount=1000`; the README names the parameters. Throws `CONFIG_INVALID`
 * for a parameter that it does not know.
 */
export function fromUrl(url: string): SqliteFactory {
  return sqliteBackend(optionsFromUrl(url));
}
