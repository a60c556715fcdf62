import { assertKnownOptions, configInvalid, type OptionNames, shownUrl, wholeNumber } from "@waybill/core/backend";
import type { Cluster, Redis } from "ioredis";
import type { ConnectionOptions } from "node:tls";
import { type Location, locationOf } from "./location.ts";

/** Where Redis is, and how its keys begin. One of `url` and `client` is needed. */
export interface BullmqOptions {
  /** `redis://user:password@host:6379/0`, or `rediss:` for TLS. Either this or `client`. */
  readonly url?: string | undefined;
  /** Your own ioredis client or Cluster: waybill makes connections with its options, and does not use or close it. */
  readonly client?: Redis | Cluster | undefined;
  /** What every key begins with; also the `prefix` for BullMQ's own tools. In a Cluster in braces. Default "waybill". */
  readonly prefix?: string | undefined;
  /** Whether a server that may lose jobs is refused at the start. Default true. */
  readonly strict?: boolean | undefined;
  /** How long Redis may not answer a command; then the call fails and waybill reconnects. Default 5,000. */
  readonly callTimeoutMs?: number | undefined;
  /**
   * When `enqueue` resolves: "primary", once the primary has the job; "replicated", once `replicas` replicas have confirmed it
   * as well (WAIT). With fewer it rejects `NOT_REPLICATED`. Not in a Cluster. Default "primary".
   */
  readonly ack?: "primary" | "replicated" | undefined;
  /** With `ack: "replicated"`, how many replicas must confirm. Name all that may be promoted. Default 1. */
  readonly replicas?: number | undefined;
  /** With `ack: "replicated"`, how long the replicas may take; a call waits for up to two such times. Default 2,000. */
  readonly replicaWaitMs?: number | undefined;
  /** Whether `url` names a node of a Redis Cluster. Default false. */
  readonly cluster?: boolean | undefined;
  /** Options of `tls.connect`, for a `rediss:` URL: ca, rejectUnauthorized, … Default: the authorities that Node trusts. */
  readonly tls?: ConnectionOptions | undefined;
  /** 4 or 6: the one kind of IP address to connect to. Default 0: either, as the name resolves. */
  readonly family?: 0 | 4 | 6 | undefined;
}

/** The options, checked, with their defaults. */
export interface Settings {
  readonly server: Server;
  readonly prefix: string;
  readonly strict: boolean;
  readonly callTimeoutMs: number;
  /** Null: `enqueue` does not wait for replicas. */
  readonly replication: Replication | null;
  /** The names of the options that were given; the others are defaults. */
  readonly given: ReadonlySet<string>;
}

/** What `enqueue` waits for after the primary has a job. */
export interface Replication {
  readonly replicas: number;
  readonly waitMs: number;
}

/** Where Redis is. */
export type Server =
  | { readonly kind: "client"; readonly client: Redis | Cluster }
  | (Location & {
      readonly kind: "url";
      readonly cluster: boolean;
      readonly tlsOptions: ConnectionOptions;
      readonly family: 0 | 4 | 6;
    });

const OPTIONS: OptionNames<BullmqOptions> = {
  url: true,
  client: true,
  prefix: true,
  strict: true,
  callTimeoutMs: true,
  ack: true,
  replicas: true,
  replicaWaitMs: true,
  cluster: true,
  tls: true,
  family: true,
};

/** Checks the options and fills in the defaults. Throws `CONFIG_INVALID`. */
export function settingsOf(options: BullmqOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of bullmqBackend");
  const { url, client, prefix = "waybill", strict = true, callTimeoutMs = 5_000 } = options;
  if ((url === undefined) === (client === undefined)) throw configInvalid("bullmq: give either url or client");
  if (prefix === "" || /\s/.test(prefix)) {
    throw configInvalid(`bullmq: the prefix "${prefix}" is empty or has white space; write one such as "waybill"`);
  }
  return {
    server: client === undefined ? serverOf(url ?? "", options) : { kind: "client", client: withoutKeyPrefix(client) },
    prefix,
    strict,
    callTimeoutMs: wholeNumber("bullmq: callTimeoutMs", callTimeoutMs, { least: 1 }),
    replication: replicationOf(options),
    given: new Set(Object.keys(options)),
  };
}

function replicationOf({
  ack = "primary",
  replicas,
  replicaWaitMs,
  cluster,
  client,
}: BullmqOptions): Replication | null {
  if (!["primary", "replicated"].includes(ack)) {
    throw configInvalid(`bullmq: ack is ${JSON.stringify(ack)}; write "primary" or "replicated"`);
  }
  if (ack === "primary") {
    if (replicas === undefined && replicaWaitMs === undefined) return null;
    const name = replicas === undefined ? "replicaWaitMs" : "replicas";
    throw configInvalid(`bullmq: ${name} is set, and enqueue waits for no replica; set ack to "replicated" as well`);
  }
  if (cluster === true || client?.isCluster === true) {
    throw configInvalid(
      'bullmq: ack is "replicated", which waits on one primary, and this is a Redis Cluster; leave ack out, or use a Redis with replicas and no Cluster',
    );
  }
  return {
    replicas: wholeNumber("bullmq: replicas", replicas ?? 1, { least: 1 }),
    waitMs: wholeNumber("bullmq: replicaWaitMs", replicaWaitMs ?? 2_000, { least: 1 }),
  };
}

function serverOf(url: string, { cluster = false, tls, family = 0 }: BullmqOptions): Server {
  const location = locationOf(url);
  if (cluster && location.db > 0) throw configInvalid(`${shownUrl(url)}: a Redis Cluster has no database but 0`);
  if (tls !== undefined && !location.tls) throw configInvalid('bullmq: tls is set; begin the URL with "rediss://"');
  if (![0, 4, 6].includes(family)) throw configInvalid(`bullmq: family is ${String(family)}: 0, 4 or 6`);
  return { kind: "url", cluster, tlsOptions: tls ?? {}, family, ...location };
}

/** ioredis writes a `keyPrefix` before the keys that it sees, and scripts make keys that it does not see. */
function withoutKeyPrefix<T extends Redis | Cluster>(client: T): T {
  const { options } = client;
  const nodes = "redisOptions" in options ? options.redisOptions : undefined;
  const found = options.keyPrefix || nodes?.keyPrefix;
  if (!found) return client;
  throw configInvalid(
    `bullmq: the client has the keyPrefix ${JSON.stringify(found)}, under which BullMQ's scripts mix up keys; pass one without it, and name the prefix by \`prefix\``,
  );
}
