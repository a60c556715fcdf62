import type { Query } from "./database.ts";
import { invalid } from "./errors.ts";

/** What a server says of itself. */
export interface Server {
  /** "postgres", or the name of what only speaks its protocol. */
  readonly product: string;
  readonly version: string;
}

/** The oldest PostgreSQL whose SQL ours is. */
const OLDEST = 13;

/** Products that speak PostgreSQL's protocol, as their `version()` names them. Those built on PostgreSQL itself are not here. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/CockroachDB\D*(?<version>[\d.]+)/i, "CockroachDB"],
  [/-YB-(?<version>[\d.]+)/, "YugabyteDB"],
  [/Redshift (?<version>[\d.]+)/i, "Amazon Redshift"],
  [/Greenplum Database (?<version>[\d.]+)/i, "Greenplum"],
];

/**
 * Asks which server this is, before any other statement. Throws CONFIG_INVALID, naming product and version, where it is
 * not PostgreSQL 13 or newer.
 */
export async function examineServer(query: Query, address: string): Promise<Server> {
  const [row] = (await query("SELECT version() AS version")) as { version: unknown }[];
  const said = typeof row?.version === "string" ? row.version : "";
  const server = serverOf(said);
  const demand = `waybill needs PostgreSQL ${OLDEST} or newer`;
  if (server === null) {
    throw invalid(`${address} is no PostgreSQL: its version() is "${said.slice(0, 100)}"; ${demand}`);
  }
  if (server.product !== "postgres") {
    throw invalid(
      `${address} is ${server.product} ${server.version}, which speaks PostgreSQL's protocol and lacks some of its SQL; ${demand}`,
    );
  }
  if (Number.parseInt(server.version, 10) < OLDEST) {
    throw invalid(`${address} is PostgreSQL ${server.version}, which is too old; ${demand}, so upgrade the server`);
  }
  return server;
}

function serverOf(said: string): Server | null {
  for (const [pattern, product] of OTHERS) {
    const version = pattern.exec(said)?.groups?.["version"];
    if (version !== undefined) return { product, version };
  }
  const version = /^PostgreSQL (?<version>\d+[\w.]*)/.exec(said)?.groups?.["version"];
  return version === undefined ? null : { product: "postgres", version };
}
