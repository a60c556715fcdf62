import { configInvalid } from "@waybill/core/backend";
import type { Query } from "./query.ts";

/** The server's product and version. */
export interface Server {
  /** "postgres", or the name of another product that speaks its protocol. */
  readonly product: string;
  readonly version: string;
}

/** The oldest PostgreSQL that has the SQL used here. */
const OLDEST = 13;

/** Other products that speak PostgreSQL's protocol, as `version()` names them. Those built on PostgreSQL itself are not listed. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/CockroachDB\D*(?<version>[\d.]+)/i, "CockroachDB"],
  [/-YB-(?<version>[\d.]+)/, "YugabyteDB"],
  [/Redshift (?<version>[\d.]+)/i, "Amazon Redshift"],
  [/Greenplum Database (?<version>[\d.]+)/i, "Greenplum"],
  [/^PostgreSQL (?<version>\d+[\w.]*)/, "postgres"],
];

/** Asks the server for its version. Rejects `CONFIG_INVALID`, with product and version, unless it is PostgreSQL 13 or newer. */
export async function examineServer(query: Query, address: string): Promise<Server> {
  const [row] = (await query("SELECT version() AS version")) as { version: unknown }[];
  const text = typeof row?.version === "string" ? row.version : "";
  const server = serverOf(text);
  const needed = `waybill needs PostgreSQL ${OLDEST} or newer`;
  if (server === null) {
    throw configInvalid(`${address} is no PostgreSQL: its version() is "${text.slice(0, 100)}"; ${needed}`);
  }
  const { product, version } = server;
  if (product !== "postgres") {
    const problem = `which speaks PostgreSQL's protocol and lacks some of its SQL; ${needed}`;
    throw configInvalid(`${address} is ${product} ${version}, ${problem}`);
  }
  if (Number.parseInt(version, 10) < OLDEST) {
    throw configInvalid(`${address} is PostgreSQL ${version}, which is too old; ${needed}, so upgrade the server`);
  }
  return server;
}

function serverOf(text: string): Server | null {
  for (const [pattern, product] of OTHERS) {
    const version = pattern.exec(text)?.groups?.["version"];
    if (version !== undefined) return { product, version };
  }
  return null;
}
