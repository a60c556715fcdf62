import { WaybillError } from "@waybill/core";
import { assertKnownOptions, maskUrl, type OptionNames } from "@waybill/core/backend";
import type { Cluster, Redis } from "ioredis";

/** Where Redis is, and how its keys begin. One of `url` and `client` is needed. */
export interface BullmqOptions {
  /** `redis://user:password@host:6379/0`, or `rediss:` for TLS. Either this or `client`. */
  readonly url?: string;
  /** An ioredis client or Cluster that is yours: connections are made after its example, and it is left alone. */
  readonly client?: Redis | Cluster;
  /** What every key begins with; also the `prefix` for BullMQ's own tools. In a Cluster in braces. Default "waybill". */
  readonly prefix?: string;
  /** Whether a server that may lose jobs is refused at the start. Default true. */
  readonly strict?: boolean;
  /** How long Redis may leave a command unanswered; then it counts as gone and is connected to anew. Default 5,000. */
  readonly callTimeoutMs?: number;
  /** Whether `url` names a node of a Redis Cluster. Default false. */
  readonly cluster?: boolean;
}

export interface Settings {
  readonly server: Server;
  readonly prefix: string;
  readonly strict: boolean;
  readonly callTimeoutMs: number;
  /** Options somebody gave, by name; the others are defaults. */
  readonly given: ReadonlySet<string>;
}

/** Where Redis is. */
export type Server =
  | { readonly kind: "client"; readonly client: Redis | Cluster }
  | (Location & { readonly kind: "url"; readonly cluster: boolean });

interface Location {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number;
  readonly tls: boolean;
}

const OPTIONS: OptionNames<BullmqOptions> = {
  url: true,
  client: true,
  prefix: true,
  strict: true,
  callTimeoutMs: true,
  cluster: true,
};

export function settingsOf(options: BullmqOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of bullmqBackend");
  const { url, client, prefix = "waybill", strict = true, callTimeoutMs = 5_000, cluster = false } = options;
  if ((url === undefined) === (client === undefined)) throw invalid("bullmq: give either url or client");
  if (prefix === "" || /\s/.test(prefix)) throw invalid(`bullmq: the prefix "${prefix}" is empty or has white space`);
  if (!Number.isSafeInteger(callTimeoutMs) || callTimeoutMs < 1) {
    throw invalid("bullmq: callTimeoutMs must be a whole number of at least 1");
  }
  const given = new Set(Object.keys(options));
  if (client !== undefined) refuseKeyPrefix(client);
  if (client !== undefined) return { server: { kind: "client", client }, prefix, strict, callTimeoutMs, given };
  const location = locationOf(url ?? "");
  if (cluster && location.db > 0) throw invalid(`"${maskUrl(url ?? "")}": a Redis Cluster has no database but 0`);
  return { server: { kind: "url", cluster, ...location }, prefix, strict, callTimeoutMs, given };
}

/** ioredis puts it before the keys that it sees, and scripts make keys that it does not see. */
function refuseKeyPrefix({ options }: Redis | Cluster): void {
  const nodes = "redisOptions" in options ? options.redisOptions : undefined;
  const found = options.keyPrefix || nodes?.keyPrefix;
  if (!found) return;
  throw invalid(
    `bullmq: the client has the keyPrefix ${JSON.stringify(found)}, under which BullMQ's scripts mix up keys; hand in one without it, and name the prefix by \`prefix\``,
  );
}

const PARAMETERS: readonly string[] = ["prefix", "strict", "callTimeoutMs", "cluster"];

/** `redis://host:6379/0?prefix=waybill&strict=false`, with options as query parameters. */
export function optionsFromUrl(url: string): BullmqOptions {
  const parsed = parse(url);
  const values = new Map<string, string>();
  for (const [name, value] of parsed.searchParams) {
    if (!PARAMETERS.includes(name)) {
      throw invalid(`"${maskUrl(url)}" has an unknown parameter "${name}"; known are ${PARAMETERS.join(", ")}`);
    }
    if (values.has(name)) throw invalid(`"${maskUrl(url)}" sets "${name}" twice; keep one`);
    values.set(name, value);
  }
  const [prefix, callTimeoutMs] = [values.get("prefix"), values.get("callTimeoutMs")];
  return {
    url: url.replace(/\?.*$/s, ""),
    ...(prefix === undefined ? {} : { prefix }),
    ...flag("strict", values, url),
    ...flag("cluster", values, url),
    ...(callTimeoutMs === undefined ? {} : { callTimeoutMs: /^\d+$/.test(callTimeoutMs) ? Number(callTimeoutMs) : 0 }),
  };
}

function flag(name: string, values: ReadonlyMap<string, string>, url: string): Record<string, boolean> {
  const value = values.get(name);
  if (value === undefined) return {};
  if (value !== "true" && value !== "false") throw invalid(`"${maskUrl(url)}": ${name} is true or false`);
  return { [name]: value === "true" };
}

function locationOf(url: string): Location {
  const { protocol, hostname, port, username, password, pathname } = parse(url);
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? 6_379 : Number(port),
    username: username === "" ? null : decoded(username, url),
    password: password === "" ? null : decoded(password, url),
    db: databaseOf(pathname, url),
    tls: protocol === "rediss:",
  };
}

/** Clients disagree about a path that is no number: some ignore it, and jobs land in database 0. */
function databaseOf(path: string, url: string): number {
  const [, first = "", ...rest] = path.split("/");
  const example = (prefix: string): string => `${first === "" ? "" : `/${first}`}?prefix=${prefix}`;
  const extra = rest.find((segment) => segment !== "");
  if (extra !== undefined || rest.length > 0) {
    const fix = extra === undefined ? `end the URL after "/${first}"` : `for a prefix, write ${example(extra)}`;
    throw invalid(`"${maskUrl(url)}" has more in its path than a database number; ${fix}`);
  }
  if (first === "") return 0;
  if (!/^\d{1,9}$/.test(first)) {
    throw invalid(`"${maskUrl(url)}": "${first}" is no database number; for a prefix, write ?prefix=${first}`);
  }
  return Number(first);
}

function parse(url: string): URL {
  if (!/^rediss?:\/\/[^/?#]/i.test(url) || !URL.canParse(url)) {
    throw invalid(`"${maskUrl(url)}" is not a Redis URL; write it as redis://host:6379/0`);
  }
  const parsed = new URL(url);
  if (parsed.hostname === "") throw invalid(`"${maskUrl(url)}" names no host; write it as redis://host:6379/0`);
  if (parsed.hash !== "") throw invalid(`"${maskUrl(url)}" has a fragment, which means nothing here; write # as %23`);
  // What follows may be half a password: no later error may name it.
  if (`${parsed.pathname}${parsed.search}`.includes("@")) {
    throw invalid(
      `"${maskUrl(url)}" has an @ behind its host; in user, password and prefix write / as %2F, ? as %3F, @ as %40`,
    );
  }
  return parsed;
}

function decoded(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch (thrown) {
    const message = `"${maskUrl(url)}": user or password has a % that is no escape; write a real percent sign as %25`;
    throw new WaybillError("CONFIG_INVALID", message, { cause: thrown });
  }
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
