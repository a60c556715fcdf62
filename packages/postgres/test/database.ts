import { randomUUID } from "node:crypto";
import type { BackendContext, Lease, LeaseRequest, Message } from "@waybill/core/backend";
import { serviceUrl, unheard } from "@waybill/test-servers";
import { Client, Pool } from "pg";
import { afterAll, afterEach } from "vitest";
import { type PostgresBackend, postgresBackend, type PostgresOptions } from "../src/index.ts";

/** For tests that never use the inbox. */
export const context: BackendContext = {
  admit: () => ({ ok: false, reason: { code: "TEST", message: "nothing is admitted here" } }),
  report: unheard,
};

let pool: Pool | null = null;
const schemas = new Set<string>();
const opened = new Set<PostgresBackend>();

afterEach(async () => {
  await Promise.all([...opened].map((backend) => backend.close()));
  opened.clear();
});

afterAll(async () => {
  for (const schema of schemas) await dropSchema(schema);
  await pool?.end();
});

export async function testPool(): Promise<Pool> {
  pool ??= new Pool({ connectionString: await serviceUrl("postgres"), max: 3 });
  return pool;
}

/** One statement on a connection of the test's own. */
export async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return (await (await testPool()).query<Record<string, unknown>>(text, values)).rows;
}

/** The name of a schema that nobody has used yet; dropped after the file's tests. */
export function freshSchema(): string {
  const schema = `test_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
  schemas.add(schema);
  return schema;
}

/** `url`: where it is, if not on the shared server. */
export async function dropSchema(schema: string, url: string | null = null): Promise<void> {
  schemas.delete(schema);
  const drop = `DROP SCHEMA IF EXISTS "${schema}" CASCADE`;
  if (url === null) return void (await sql(drop));
  return sqlAt(url, drop);
}

/** One statement on a connection to some server. */
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

/** A backend that is closed after the test. */
export async function open(
  options: Partial<PostgresOptions> & { readonly schema: string },
  given: BackendContext = context,
): Promise<PostgresBackend> {
  const backend = await postgresBackend({ url: await serviceUrl("postgres"), ...options })(given);
  opened.add(backend);
  return backend;
}

export function message(part: Partial<Message> = {}): Message {
  const id = part.id ?? randomUUID();
  const body = JSON.stringify({ spec: "waybill/1", id, type: "test.job", args: [] });
  const plain = { type: "test.job", queue: "default", delayMs: 0, priority: 0, tenant: null, signature: null };
  return { ...plain, id, body, ...part };
}

export function lease(backend: PostgresBackend, asked: Partial<LeaseRequest> = {}): Promise<Lease[]> {
  const { signal } = new AbortController();
  return backend.lease({ queue: "default", limit: 10, leaseMs: 30_000, waitMs: 0, signal, ...asked });
}
