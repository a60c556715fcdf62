import type { Pool } from "pg";
import { invalid } from "./errors.ts";
import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";

/** Where the database is, and how it is used. A URL may carry them too. */
export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`, with what `pg` understands besides, such as `?sslmode=verify-full`. */
  readonly url: string;
  /** A pool of yours to use instead of one of ours. It is not closed with the backend; `url` then serves to listen. */
  readonly pool?: Pool;
  /** Where our tables stand: a schema of their own. Default "waybill". */
  readonly schema?: string;
  /** Connections this process holds at most, the listening one included. From 2. Default 4. */
  readonly connections?: number;
  /**
   * Where to listen for notifications, past a pooler that loses them; "off" never listens. Default: `url`, if a
   * trial at the start shows that notifications arrive; otherwise waiting workers poll.
   */
  readonly listen?: string;
  /** How often a waiting worker looks where it cannot listen. Default 50. */
  readonly pollMs?: number;
  /** Bring the schema up to date when the backend opens. Default true; false: `migrate(url)` is run by somebody else. */
  readonly migrate?: boolean;
  /** Which finished jobs are remembered, for people to look at. A zero keeps none. */
  readonly retainFinished?: {
    /** Default 86,400,000: a day. */
    readonly maxAgeMs?: number;
    /** Default 10,000, in all queues together. */
    readonly maxCount?: number;
  };
}

export interface Settings {
  readonly url: string;
  readonly pool: Pool | null;
  readonly schema: string;
  readonly connections: number;
  /** Null: not at all. */
  readonly listenUrl: string | null;
  /** Somebody named the URL to listen at: then it must work. */
  readonly mustListen: boolean;
  readonly pollMs: number;
  readonly migrate: boolean;
  readonly maxAgeMs: number;
  readonly maxCount: number;
}

const OPTIONS: OptionNames<PostgresOptions> = {
  url: true,
  pool: true,
  schema: true,
  connections: true,
  listen: true,
  pollMs: true,
  migrate: true,
  retainFinished: true,
};

const RETENTION: OptionNames<NonNullable<PostgresOptions["retainFinished"]>> = { maxAgeMs: true, maxCount: true };

export function settingsOf(options: PostgresOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of postgresBackend");
  assertKnownOptions(options.retainFinished ?? {}, RETENTION, "the members of retainFinished");
  const { url, schema = "waybill", listen, retainFinished = {} } = options;
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema) || schema.startsWith("pg_") || schema === "public") {
    throw invalid(
      `postgres: schema "${schema}" cannot be used; give waybill one of its own, named by lower-case letters, digits and underscores`,
    );
  }
  if (listen !== undefined && listen !== "off") assertUrl(listen, "listen");
  return {
    url,
    pool: options.pool ?? null,
    schema,
    connections: whole("connections", options.connections ?? 4, 2),
    listenUrl: listen === "off" ? null : (listen ?? url),
    mustListen: listen !== undefined && listen !== "off",
    pollMs: whole("pollMs", options.pollMs ?? 50, 1),
    migrate: options.migrate ?? true,
    maxAgeMs: whole("retainFinished.maxAgeMs", retainFinished.maxAgeMs ?? 86_400_000, 0),
    maxCount: whole("retainFinished.maxCount", retainFinished.maxCount ?? 10_000, 0),
  };
}

/** Parameters that are ours, taken out of the URL before `pg` sees it. */
const OURS = ["schema", "connections", "listen", "pollMs", "migrate", "retainMaxAgeMs", "retainMaxCount"] as const;
/** Parameters that `pg` understands. */
const DRIVERS: ReadonlySet<string> = new Set([
  "host",
  "sslmode",
  "sslcert",
  "sslkey",
  "sslrootcert",
  "sslnegotiation",
  "uselibpqcompat",
  "application_name",
]);

/** `postgres://user:password@host:5432/database?schema=waybill`: the README names the parameters. */
export function optionsFromUrl(text: string): PostgresOptions {
  const url = assertUrl(text, "the URL");
  const given = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (given.has(name)) throw invalid(`the postgres URL sets "${name}" twice; keep one`);
    if (!DRIVERS.has(name) && !OURS.some((known) => known === name)) {
      throw invalid(
        `the postgres URL has an unknown parameter "${name}"; known are ${[...OURS, ...DRIVERS].join(", ")}`,
      );
    }
    given.set(name, value);
  }
  for (const name of OURS) url.searchParams.delete(name);
  const number = (name: string): number | undefined => {
    const value = given.get(name);
    if (value === undefined) return undefined;
    return /^\d+$/.test(value) ? Number(value) : Number.NaN;
  };
  const maxAgeMs = number("retainMaxAgeMs");
  const maxCount = number("retainMaxCount");
  const connections = number("connections");
  const pollMs = number("pollMs");
  const schema = given.get("schema");
  const listen = given.get("listen");
  return {
    url: url.href,
    migrate: onOrOff(given.get("migrate") ?? "on"),
    ...(schema !== undefined && { schema }),
    ...(listen !== undefined && { listen }),
    ...(connections !== undefined && { connections }),
    ...(pollMs !== undefined && { pollMs }),
    retainFinished: { ...(maxAgeMs !== undefined && { maxAgeMs }), ...(maxCount !== undefined && { maxCount }) },
  };
}

function assertUrl(text: string, name: string): URL {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw invalid(
      `postgres: ${name} is not a postgres URL; write postgres://user:password@host:5432/database, special characters percent-encoded`,
    );
  }
  const url = new URL(text);
  if (url.hostname.includes(",")) {
    throw invalid(`postgres: ${name} names several hosts; name the primary, or an address that leads to it`);
  }
  if (url.hash !== "") throw invalid(`postgres: ${name} has a fragment, which means nothing here; write # as %23`);
  // What follows the host may be half a password: no later error may name it.
  if (`${url.pathname}${url.search.replace(/([?&]listen=)[^&]*/, "$1")}`.includes("@")) {
    throw invalid(
      `postgres: ${name} has an @ behind its host; in user, password and database write / as %2F, ? as %3F, @ as %40`,
    );
  }
  if (url.pathname.length < 2 || url.pathname.slice(1).includes("/")) {
    throw invalid(`postgres: ${name} names no database; write postgres://user:password@host:5432/database`);
  }
  return url;
}

function onOrOff(value: string): boolean {
  if (value === "on" || value === "off") return value === "on";
  throw invalid(`postgres: migrate is "${value}"; write "on" or "off"`);
}

function whole(name: string, value: number, least: number): number {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= least)) return value;
  throw invalid(`postgres: ${name} must be a whole number of at least ${least}`);
}
