import { randomUUID } from "node:crypto";
import type { BackendContext } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { Pool } from "pg";
import { afterAll } from "vitest";

/** For tests that never use the inbox. */
export const context: BackendContext = {
  admit: () => ({ ok: false, reason: { code: "TEST", message: "nothing is admitted here" } }),
};

let pool: Pool | null = null;

afterAll(async () => {
  await pool?.end();
});

/** One statement on a connection of the test's own. */
export async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  pool ??= new Pool({ connectionString: await serviceUrl("postgres"), max: 2 });
  return (await pool.query<Record<string, unknown>>(text, values)).rows;
}

/** The name of a schema that nobody has used yet. */
export const freshSchema = (): string => `test_${randomUUID().replaceAll("-", "").slice(0, 16)}`;

export const dropSchema = async (schema: string): Promise<void> => {
  await sql(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
};
