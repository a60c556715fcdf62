import type { BackendContext } from "@waybill/core/backend";
import { openPostgres, type PostgresBackend } from "./backend.ts";
import { optionsFromUrl, type PostgresOptions, settingsOf } from "./options.ts";

export type { PostgresBackend } from "./backend.ts";
export { postgresCapabilities } from "./capabilities.ts";
export { migrate, schemaVersion } from "./migrate.ts";
export type { PostgresOptions } from "./options.ts";
export type {
  DrizzleSql,
  DrizzleTransaction,
  KyselyTransaction,
  PrismaTransaction,
  Transaction,
  TypeOrmTransaction,
} from "./transaction.ts";
export { fromDrizzle, fromKysely, fromPrisma, fromTypeOrm } from "./transaction.ts";

/** Opens with more than the general `BackendFactory` promises: an `inspector`, `enqueueIn` and `completeIn`. */
export type PostgresFactory = (context: BackendContext) => Promise<PostgresBackend>;

/** Jobs in a schema of PostgreSQL. Throws CONFIG_INVALID for bad options. */
export function postgresBackend(options: PostgresOptions): PostgresFactory {
  const settings = settingsOf(options);
  return (context) => openPostgres(settings, context);
}

/**
 * The same from `postgres://user:password@host:5432/database?schema=waybill`; the README names the parameters. Throws
 * `CONFIG_INVALID` for a parameter that it does not know.
 */
export function fromUrl(url: string): PostgresFactory {
  return postgresBackend(optionsFromUrl(url));
}
