import { toError } from "@waybill/core";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { type Client, LONGEST_BLOCK_MS } from "./client.ts";
import { redisError } from "../errors.ts";
import { nodeMoved } from "../error-replies.ts";
import type { Server, Settings } from "../options/options.ts";
import { letProcessEnd } from "./let-process-end.ts";
import { reconnectOnUnexpectedReplies } from "./unexpected-replies.ts";

type Options = Omit<RedisOptions, "replyMapping">;

export interface Connections {
  /** For every command that does not block. The commands of one turn of the event loop are sent together. */
  readonly commands: Client;
  /** For enqueues that wait for replicas, which blocks a connection for every other command; null where none waits. */
  readonly replicated: Redis | null;
  /** Without secrets, for logs and errors. */
  readonly address: string;
  /** Opens one more connection, for one blocking command after the other. It reconnects by itself. */
  blocking(): Client;
  /** Reports an error that a script returned as data: ioredis looks only at error replies for a reason to reconnect. */
  refused(message: string): void;
  /** Closes every connection at once; commands under way reject. */
  cut(): void;
}

/** Connects. Rejects `BACKEND_UNAVAILABLE` or `CONFIG_INVALID` with the reason if Redis does not answer. */
export async function openConnections({ server, callTimeoutMs, replication }: Settings): Promise<Connections> {
  const address = addressOf(server);
  const clients = new Set<Client>();
  const make = (options: Options): { client: Client; failure: () => Error | null } => {
    let failure: Error | null = null;
    const client = clientOf(server, { ...COMMON, ...options, reconnectOnError: createReconnectPolicy() });
    // Without a listener ioredis prints the error. The call that fails rejects with it.
    client.on("error", (error: Error) => (failure = error));
    if (!isCluster(client)) reconnectOnUnexpectedReplies(client);
    letProcessEnd(client);
    clients.add(client);
    client.once("end", () => clients.delete(client));
    return { client, failure: () => failure };
  };
  const cut = (): void => {
    for (const client of clients) client.disconnect();
    clients.clear();
  };
  const connected = async (socketTimeout: number): Promise<Client> => {
    const { client, failure } = make({ socketTimeout });
    try {
      await client.connect();
    } catch (thrown) {
      cut();
      throw redisError(failure() ?? toError(thrown), address, true);
    }
    return client;
  };
  const commands = await connected(callTimeoutMs);
  const replicated = replication === null ? null : await connected(replication.waitMs + callTimeoutMs);
  const shouldReconnect = createReconnectPolicy();
  return {
    commands,
    // In a cluster the option is refused.
    replicated: replicated as Redis | null,
    address,
    blocking: () => make({ socketTimeout: LONGEST_BLOCK_MS + callTimeoutMs, lazyConnect: false }).client,
    refused(message) {
      if (isCluster(commands) || !shouldReconnect(new Error(message))) return;
      for (const client of [commands, replicated as Redis | null])
        if (client?.status === "ready") client.disconnect(true);
    },
    cut,
  };
}

/** A state that lasts, such as too few replicas, must not close the connection under other calls at every reply. */
const RECONNECT_EVERY_MS = 500;

/** Returns whether an error is a reason to reconnect, so that DNS, Sentinel or a failover address names the new primary. */
function createReconnectPolicy(): (error: Error) => boolean {
  let reconnectedAt = -Infinity;
  return ({ message }) => {
    const now = performance.now();
    if (!nodeMoved(message) || now - reconnectedAt < RECONNECT_EVERY_MS) return false;
    reconnectedAt = now;
    return true;
  };
}

/** No command is queued while Redis is away: the call rejects, and core or the caller tries again. */
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
  if (server.kind === "client") return duplicateOf(server.client, options);
  const { host, port, username, password, db, tls, tlsOptions, family } = server;
  const redisOptions: Options = {
    ...options,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls ? { tls: tlsOptions } : {}),
    family,
  };
  if (!server.cluster) return new Redis({ ...redisOptions, host, port, db });
  return new Cluster([{ host, port }], clusterOptionsOf(redisOptions));
}

/** Options that our commands and their replies depend on, whatever the client of the user has. */
const FIXED = {
  stringNumbers: false,
  replyMapping: "legacy",
  enableAutoPipelining: false,
  enableReadyCheck: true,
  readOnly: false,
  monitor: false,
  // Each would end a blocking command that waits for a job.
  commandTimeout: undefined,
  blockingTimeout: undefined,
} as const;

/** A connection with the options of the user's client. */
function duplicateOf(client: Client, given: Options): Client {
  const options: Options = { ...FIXED, ...given };
  if (!isCluster(client)) return client.duplicate(options);
  return client.duplicate(undefined, clusterOptionsOf({ ...client.options.redisOptions, ...options }));
}

/** Not by `instanceof`: the user's client may come from another copy of ioredis. */
const isCluster = (client: Client): client is Cluster => client.isCluster;

const clusterOptionsOf = (redisOptions: Options) => ({
  // A node is connected to by its first command: a connection that is being made fails the cluster's ready check.
  redisOptions: { ...redisOptions, lazyConnect: true },
  lazyConnect: redisOptions.lazyConnect ?? false,
  enableOfflineQueue: false,
});

function addressOf(server: Server): string {
  if (server.kind === "client") return `redis:${isCluster(server.client) ? "cluster" : "client"}`;
  const { host, port, db, tls } = server;
  return `${tls ? "rediss" : "redis"}://${host.includes(":") ? `[${host}]` : host}:${port}/${db}`;
}
