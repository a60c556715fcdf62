import {
  anyText,
  configInvalid,
  digits,
  ignored,
  matching,
  parseServerUrl,
  pemFile,
  readUrlParameters,
  type UrlParameter,
} from "@waybill/core/backend";
import type { PostgresOptions } from "./options.ts";

const EXAMPLE = "postgres://user:password@host:5432/database";

const onOrOff: UrlParameter<boolean> = {
  read: (given) => (given === "on" ? true : given === "off" ? false : null),
  remedy: 'write "on" or "off"',
};

/** Parameters of waybill, removed from the URL before `pg` gets it. */
const OWN = {
  schema: anyText,
  connections: digits,
  listen: anyText,
  pollMs: digits,
  migrate: onOrOff,
  retainMaxAgeMs: digits,
  retainMaxCount: digits,
};

/** Parameters that `pg` understands. */
const FOR_DRIVER = {
  host: anyText,
  port: matching(/^\d{1,5}$/, "write a number"),
  ssl: matching(/^(true|false|1|0|no-verify)$/, "write true, false or no-verify"),
  sslmode: matching(
    /^(disable|prefer|require|verify-ca|verify-full|no-verify)$/,
    "write disable, require, verify-ca, verify-full or no-verify",
  ),
  sslcert: pemFile,
  sslkey: pemFile,
  // "system" names the authorities that Node trusts.
  sslrootcert: { ...pemFile, read: (path: string) => (path === "system" ? path : pemFile.read(path)) },
  sslnegotiation: matching(/^(postgres|direct)$/, "write postgres or direct"),
  uselibpqcompat: matching(/^(true|false)$/, "write true or false"),
  application_name: anyText,
  options: anyText,
  channel_binding: matching(/^(disable|prefer|require)$/, "write disable, prefer or require"),
};

/** Parameters of libpq, Prisma and Vercel that nothing here depends on. */
const UNUSED = "keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout statement_cache_size \
pool_timeout socket_timeout supa"
  .split(" ")
  .map((name) => [name, ignored()] as const);

/** Parameters of other tools that share the URL. Each asks for what is so anyway, or sets something that is not used here. */
const OF_OTHERS = {
  // libpq: connections are kept alive, are all UTF-8, and wait 5 s for the server.
  connect_timeout: ignored(/^\d+$/, "write seconds"),
  client_encoding: ignored(/^(utf-?8|auto)$/i, "write UTF8: jobs are stored in no other encoding"),
  gssencmode: ignored(/^(disable|prefer)$/, "write disable: GSSAPI is not supported"),
  target_session_attrs: ignored(
    /^(any|read-write|primary)$/,
    "write read-write: jobs are written, so the URL leads to the primary",
  ),
  // Prisma: no statement is prepared by name, so a PgBouncer may stand between.
  pgbouncer: ignored(/^(true|false)$/, "write true or false"),
  sslaccept: ignored(/^(strict|accept_invalid_certs)$/, "write strict or accept_invalid_certs"),
  connection_limit: digits,
  ...Object.fromEntries(UNUSED),
};

const FOREIGN = { ...FOR_DRIVER, ...OF_OTHERS };

/** Reads `postgres://user:password@host:5432/database?schema=waybill`. The README names the parameters. Throws `CONFIG_INVALID`. */
export function optionsFromUrl(text: string): PostgresOptions {
  const url = parseUrl(text, "the URL");
  assertNoUser(url);
  const known = [...Object.keys(OWN), ...Object.keys(FOR_DRIVER)];
  const values = readUrlParameters(url.searchParams, { ...OWN, ...FOREIGN }, { shown: "the postgres URL", known });
  const { schema, retainMaxAgeMs, retainMaxCount, connection_limit } = values;
  for (const name of Object.keys(OWN)) url.searchParams.delete(name);
  if (values.connections === undefined && connection_limit === 1) {
    const remedy = "waybill needs 2, one of which listens: add connections=2, which is ours alone";
    throw configInvalid(`postgres: connection_limit is 1; ${remedy}`);
  }
  const { connections = connection_limit, listen, pollMs, migrate = true } = values;
  return {
    url: url.href,
    // Prisma writes "public" into every URL. Our tables are never there, so it is not about them.
    schema: schema === "public" ? undefined : schema,
    connections,
    listen,
    pollMs,
    migrate,
    retainFinished: { maxAgeMs: retainMaxAgeMs, maxCount: retainMaxCount },
  };
}

/** What follows an & may be the rest of a password, so this is refused before another error can name it. */
function assertNoUser({ searchParams }: URL): void {
  for (const name of searchParams.keys()) {
    if (!/^(user|username|password|pwd|pass)$/i.test(name)) continue;
    throw configInvalid(
      `postgres: the URL has ${name.toLowerCase()} as a parameter; write it before the host: ${EXAMPLE}`,
    );
  }
}

/** Returns the URL as `pg` is to get it. Throws `CONFIG_INVALID` for a value that cannot be used. `name` is that of the URL. */
export function driverUrl(text: string, name: string): string {
  const url = parseUrl(text, name);
  const { searchParams } = url;
  const given = [...searchParams].filter(([parameter]) => Object.hasOwn(FOREIGN, parameter));
  readUrlParameters(given, FOREIGN, { shown: `postgres: ${name}` });
  if (searchParams.get("sslaccept") === "accept_invalid_certs") searchParams.set("sslmode", "no-verify");
  for (const parameter of Object.keys(OF_OTHERS)) searchParams.delete(parameter);
  if (searchParams.get("sslrootcert") === "system") searchParams.delete("sslrootcert");
  setMode(searchParams);
  return url.href;
}

/**
 * Without a named authority, "require", "prefer" and "verify-ca" mean "verify-full", as `pg` takes them after a long warning.
 * With one, they mean what libpq says: a certificate of that authority, for any host.
 */
function setMode(parameters: URLSearchParams): void {
  const mode = parameters.get("sslmode") ?? "";
  if (!/^(prefer|require|verify-ca)$/.test(mode) || parameters.get("uselibpqcompat") === "true") return;
  if (!parameters.has("sslrootcert")) return parameters.set("sslmode", "verify-full");
  parameters.set("sslmode", "verify-ca");
  parameters.set("uselibpqcompat", "true");
}

function parseUrl(given: string, name: string): URL {
  // libpq and Cloud SQL omit the host before a socket's folder. No URL parser accepts a user without a host.
  const text = /[?&]host=/.test(given) ? given.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)\//, "$1localhost/") : given;
  const shown = `postgres: ${name}`;
  const url = parseServerUrl(text, {
    kind: "a postgres URL",
    schemes: ["postgres", "postgresql"],
    example: `${EXAMPLE}, special characters percent-encoded`,
    escaped: "user, password and database",
    nested: "listen",
    shown,
  });
  if (url.hostname.includes(",")) {
    throw configInvalid(`${shown} names several hosts; name the primary, or an address that leads to it`);
  }
  if (url.pathname.length < 2 || url.pathname.slice(1).includes("/")) {
    throw configInvalid(`${shown} names no database; write ${EXAMPLE}`);
  }
  return url;
}
