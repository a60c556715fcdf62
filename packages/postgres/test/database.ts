import { randomUUID } from "node:crypto";
import type { BackendContext, Lease, LeaseRequest } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { closedBy, ignoredReport, lease as leaseFrom } from "@waybill/test-servers/fixtures";
import { Client, Pool } from "pg";
import { afterAll, afterEach } from "vitest";
import { type PostgresBackend, postgresBackend, type PostgresOptions } from "../src/index.ts";

export { message } from "@waybill/test-servers/fixtures";

/** For tests that do not use the inbox. */
export const context: BackendContext = {
  admit: () => ({ ok: false, reason: { code: "TEST", message: "nothing is admitted here" } }),
  report: ignoredReport,
};

let pool: Pool | null = null;
const schemas = new Set<string>();
const opened = closedBy(afterEach);

afterAll(async () => {
  for (const schema of schemas) await dropSchema(schema);
  await pool?.end();
});

export async function testPool(): Promise<Pool> {
  pool ??= new Pool({ connectionString: await serviceUrl("postgres"), max: 3 });
  return pool;
}

/** Runs one statement on a connection of the test. */
export async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return (await (await testPool()).query<Record<string, unknown>>(text, values)).rows;
}

/** Returns the name of a new schema, which is dropped after the file's tests. */
export function freshSchema(): string {
  const schema = `test_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
  schemas.add(schema);
  return schema;
}

/** `url`: the server's. Default: the shared server's. */
export async function dropSchema(schema: string, url: string | null = null): Promise<void> {
  schemas.delete(schema);
  const drop = `DROP SCHEMA IF EXISTS "${schema}" CASCADE`;
  if (url === null) return void (await sql(drop));
  return sqlAt(url, drop);
}

/** Runs one statement on a connection to a server. */
export async function sqlAt(url: string, text: string, values: unknown[] = []): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(text, values);
  await client.end();
}

/** The test server's URL with a schema of its own, as `connect` takes it. */
export async function freshUrl(schema: string = freshSchema()): Promise<string> {
  return `${await serviceUrl("postgres")}?schema=${schema}`;
}

/** Opens a backend, which is closed after the test. */
export async function open(
  options: Partial<PostgresOptions> & { readonly schema: string },
  given: BackendContext = context,
): Promise<PostgresBackend> {
  return opened(await postgresBackend({ url: await serviceUrl("postgres"), ...options })(given));
}

/** Leases up to ten jobs. */
export function lease(backend: PostgresBackend, request: Partial<LeaseRequest> = {}): Promise<Lease[]> {
  return leaseFrom(backend, { limit: 10, leaseMs: 30_000, ...request });
}
