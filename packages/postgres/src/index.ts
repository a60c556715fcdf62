import type { Migration } from "@waybill/core";
import type { BackendContext } from "@waybill/core/backend";
import { openPostgres, type PostgresBackend } from "./backend.ts";
import { openDatabase } from "./connection/database.ts";
import { examineServer } from "./connection/server.ts";
import { addressOf, databaseError } from "./errors.ts";
import type { PostgresOptions } from "./options/options.ts";
import { settingsOf } from "./options/settings.ts";
import { optionsFromUrl } from "./options/url.ts";
import { migrateSchema } from "./schema/migrate.ts";

export type { PostgresBackend } from "./backend.ts";
export { postgresCapabilities } from "./capabilities.ts";
export type { PgBossJobsOptions } from "./import/pg-boss-jobs.ts";
export { pgBossJobs } from "./import/pg-boss-jobs.ts";
export type { PostgresOptions } from "./options/options.ts";
export { schemaVersion } from "./schema/migrate.ts";
export type {
  DrizzleSql,
  DrizzleTransaction,
  KyselyTransaction,
  PrismaTransaction,
  Transaction,
  TypeOrmTransaction,
} from "./transaction.ts";
export { fromDrizzle, fromKysely, fromPrisma, fromTypeOrm } from "./transaction.ts";

/** Opens a backend with an inspector, a doctor, a worker registry, a ledger, job control, `enqueueIn` and `completeIn`. */
export type PostgresFactory = (context: BackendContext) => Promise<PostgresBackend>;

/**
 * Keeps jobs in a schema of a PostgreSQL database. Throws `CONFIG_INVALID` for an unknown option or a value that cannot be
 * used.
 */
export function postgresBackend(options: PostgresOptions): PostgresFactory {
  const settings = settingsOf(options);
  return (context) => openPostgres(settings, context);
}

/**
 * Does the same for `postgres://user:password@host:5432/database?schema=waybill`. The README names the parameters. Throws
 * `CONFIG_INVALID` for a parameter that it does not know.
 */
export function fromUrl(url: string): PostgresFactory {
  return postgresBackend(optionsFromUrl(url));
}

/**
 * Creates the schema or brings it up to date. The backend does the same when it opens, unless the URL has `migrate=off`: then
 * call this as a user who may create tables. Any number of processes may call it at once. Rejects `CONFIG_INVALID` for a
 * schema of another application, and for one newer than this package.
 */
export async function migrate(url: string): Promise<Migration> {
  const settings = settingsOf(optionsFromUrl(url));
  const address = addressOf(settings.url, settings.schema);
  const database = openDatabase(settings);
  try {
    await examineServer(database.query, address);
    return await migrateSchema(database, settings.schema, true);
  } catch (thrown) {
    throw databaseError(thrown, address, "open");
  } finally {
    await database.close(1_000);
  }
}
