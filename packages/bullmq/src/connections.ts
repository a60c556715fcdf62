import { toError } from "@waybill/core";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { redisError } from "./errors.ts";
import { nodeMoved } from "./replies.ts";
import type { Server, Settings } from "./options.ts";
import { refuseUnasked } from "./unasked.ts";

export type Client = Redis | Cluster;

type Options = Omit<RedisOptions, "replyMapping">;

export interface Connections {
  /** For everything that answers at once. What is asked in one turn of the loop travels together. */
  readonly commands: Client;
  /** Without secrets, for logs and errors. */
  readonly address: string;
  /** One more connection, for one blocking command after the other. Connects by itself, again and again. */
  blocking(): Client;
  /** A script of ours returned this error as data, where ioredis does not look for reasons to connect anew. */
  refused(message: string): void;
  /** Cuts every connection at once; what is under way rejects. */
  cut(): void;
}

/** A blocking command waits at most this long, so that a connection which says nothing for longer is dead. */
export const LONGEST_BLOCK_MS = 1_000;

/** Resolves once Redis has answered; rejects with what keeps it from answering. */
export async function openConnections({ server, callTimeoutMs }: Settings): Promise<Connections> {
  const address = addressOf(server);
  const clients = new Set<Client>();
  const make = (options: Options): { client: Client; failure: () => Error | null } => {
    let failure: Error | null = null;
    const client = clientOf(server, { ...COMMON, ...options, reconnectOnError: createRenewal() });
    // Also keeps ioredis from printing it; the call that fails says it.
    client.on("error", (error: Error) => (failure = error));
    if (!isCluster(client)) refuseUnasked(client);
    clients.add(client);
    return { client, failure: () => failure };
  };
  const cut = (): void => {
    for (const client of clients) client.disconnect();
    clients.clear();
  };
  const renewal = createRenewal();
  const { client: commands, failure } = make({ socketTimeout: callTimeoutMs });
  try {
    await commands.connect();
  } catch (thrown) {
    cut();
    throw redisError(failure() ?? toError(thrown), address);
  }
  return {
    commands,
    address,
    blocking: () => make({ socketTimeout: LONGEST_BLOCK_MS + callTimeoutMs, lazyConnect: false }).client,
    refused(message) {
      if (!isCluster(commands) && commands.status === "ready" && renewal(new Error(message))) commands.disconnect(true);
    },
    cut,
  };
}

/** A state that lasts, such as too few replicas, must not cut what other callers wait for at every reply. */
const RENEW_EVERY_MS = 500;

/** Whether a reply is reason to connect anew, so that DNS, Sentinel or a failover address says who is the primary now. */
function createRenewal(): (error: Error) => boolean {
  let renewedAt = -Infinity;
  return ({ message }) => {
    const now = performance.now();
    if (!nodeMoved(message) || now - renewedAt < RENEW_EVERY_MS) return false;
    renewedAt = now;
    return true;
  };
}

/** Nothing queues while Redis is away: a call rejects, and core or the caller tries again. */
const COMMON: Options = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 5_000,
  disconnectTimeout: 20,
  retryStrategy: (times) => Math.min(25 * 2 ** times, 1_000) * (0.75 + Math.random() / 2),
};

function clientOf(server: Server, options: Options): Client {
  if (server.kind === "client") return likewise(server.client, options);
  const { host, port, username, password, db, tls } = server;
  const redisOptions: Options = {
    ...options,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
  if (!server.cluster) return new Redis({ ...redisOptions, host, port, db });
  return new Cluster([{ host, port }], clusterOptionsOf(redisOptions));
}

/** What a client that was handed in may have otherwise, and our commands and the replies they read depend on. */
const PINNED = {
  stringNumbers: false,
  replyMapping: "legacy",
  enableAutoPipelining: false,
  enableReadyCheck: true,
  readOnly: false,
  monitor: false,
  // Each would end a blocking command that only waits; `socketTimeout` is ours.
  commandTimeout: undefined,
  blockingTimeout: undefined,
} as const;

function likewise(client: Client, given: Options): Client {
  const options: Options = { ...PINNED, ...given };
  if (!isCluster(client)) return client.duplicate(options);
  return client.duplicate(undefined, clusterOptionsOf({ ...client.options.redisOptions, ...options }));
}

/** Not by `instanceof`: the client handed in may come from another copy of ioredis. */
const isCluster = (client: Client): client is Cluster => client.isCluster;

const clusterOptionsOf = (redisOptions: Options) => ({
  // Each node's connection is made for its first command: one that is just being made fails the cluster's ready check.
  redisOptions: { ...redisOptions, lazyConnect: true },
  lazyConnect: redisOptions.lazyConnect ?? false,
  enableOfflineQueue: false,
});

function addressOf(server: Server): string {
  if (server.kind === "client") return `redis:${isCluster(server.client) ? "cluster" : "client"}`;
  const { host, port, db, tls } = server;
  return `${tls ? "rediss" : "redis"}://${host.includes(":") ? `[${host}]` : host}:${port}/${db}`;
}
