import { Socket } from "node:net";
import { callbackify } from "node:util";
import { toError } from "@waybill/core";
import { type ClientConfig, Pool, type PoolClient } from "pg";
import { codeOf } from "../errors.ts";
import type { Settings } from "../options/settings.ts";
import { GuardedClient, guardReplies } from "./guarded-client.ts";
import type { Query } from "./query.ts";
import { BEGIN_PINNED, pinSession, STATEMENT_MS } from "./session.ts";

/**
 * The connections of one process. Statements have no name and locks end with their transaction, so that a pooler may stand
 * between. A statement or transaction that the server rolled back because of a conflict runs again.
 */
export interface Database {
  readonly query: Query;
  /** Rolls back when `work` rejects. `work` may run again after a conflict, so it may write to the database only. */
  transact<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** As `transact`, without a time limit: for what goes through a whole table, or waits for a process that does. */
  transactAtLength<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** From now on runs every statement in a transaction that overrides the session's defaults. */
  distrustDefaults(): void;
  /** Waits `limitMs` for running statements, then cuts the connections. Leaves a pool open that was handed in. */
  close(limitMs: number): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Returns the options of each connection that this process opens. `sockets` gets its socket, so that it can be cut. */
export function clientConfig(url: string, sockets: Set<Socket>): ClientConfig {
  return {
    connectionString: url,
    enableChannelBinding: new URL(url).searchParams.get("channel_binding") === "require",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    fallback_application_name: "waybill",
    query_timeout: STATEMENT_MS,
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once("close", () => sockets.delete(socket));
    },
  };
}

/** For errors of connections: an idle one that fails leaves the pool, and one in use rejects its statement. */
const ignored = (): void => undefined;

const pinned = callbackify(pinSession);

/** Limits the time to connect. The pool's own limit would include the wait for a connection that is in use. */
class PooledClient extends GuardedClient {
  constructor(config?: ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  }
}

function poolOf({ url, connections }: Settings, sockets: Set<Socket>): Pool {
  const pool = new Pool({
    ...clientConfig(url, sockets),
    connectionTimeoutMillis: 0,
    Client: PooledClient,
    max: Math.max(connections - 1, 1),
    allowExitOnIdle: true,
    // A pin that fails shows another product or a lost connection: the statement that follows fails with the reason.
    verify: (client, done) => pinned(client, () => done()),
  });
  return pool.on("connect", (client) => client.on("error", ignored));
}

export function openDatabase(settings: Settings): Database {
  const sockets = new Set<Socket>();
  const pool = settings.pool ?? poolOf(settings, sockets);
  // Without a listener, an error of an idle connection would end the process.
  pool.on("error", ignored);
  let trusted = true;

  /** Lends one connection to `work`. Closes it when `work` rejects, which ends its transaction. */
  async function lend<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await checkOut(pool);
    const unguard = settings.pool === null ? ignored : guardReplies(client);
    let broken = true;
    try {
      const result = await work(client);
      broken = false;
      return result;
    } finally {
      unguard();
      client.release(broken);
      client.off("error", ignored);
    }
  }

  const transact = <T>(work: (query: Query) => Promise<T>, begin = BEGIN_PINNED, limitMs = STATEMENT_MS): Promise<T> =>
    lend(async (client) => {
      await client.query(begin);
      const result = await work(async (text, values = []) => (await client.query(timed(text, values, limitMs))).rows);
      await client.query("COMMIT");
      return result;
    });

  async function once(text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    const inTransaction = (): Promise<readonly unknown[]> => transact((query) => query(text, values));
    if (!trusted) return inTransaction();
    try {
      return await lend(async (client) => (await client.query(timed(text, values))).rows as unknown[]);
    } catch (thrown) {
      if (!BY_DEFAULTS.has(codeOf(toError(thrown)))) throw thrown;
      // On a standby this fails too. Where it succeeds, the session's defaults changed, or differ on this connection.
      const rows = await inTransaction();
      trusted = false;
      return rows;
    }
  }

  return {
    query: (text, values = []) => againAfterConflict(() => once(text, values)),
    transact: (work) => againAfterConflict(() => transact(work)),
    transactAtLength: (work) => againAfterConflict(() => transact(work, BEGIN_UNLIMITED, NO_LIMIT_MS)),
    distrustDefaults: () => void (trusted = false),
    async close(limitMs) {
      if (settings.pool !== null) return void pool.off("error", ignored);
      const ended = pool.end();
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), limitMs);
      await ended;
      clearTimeout(cut);
    },
  };
}

/**
 * Checks a connection out, with a listener for its errors from the first moment. The promise of `pool.connect` resolves a
 * microtask after the pool has removed its own listener, and an error that arrives with the same packet would end the process.
 */
function checkOut(pool: Pool): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    let isLent = false;
    const lend = (client: PoolClient | undefined): void => {
      if (isLent) return;
      isLent = true;
      if (client === undefined) return reject(new Error("the pool returned no connection"));
      resolve(client.on("error", ignored));
    };
    const returned: unknown = pool.connect((error, client) => (error ? reject(error) : lend(client)));
    // A pool that is wrapped may pass no callback on, and return a promise instead.
    if (returned instanceof Promise) returned.then(lend, reject);
  });
}

/** The longest time that a timer takes: pg reads 0 as the connection's own limit. */
const NO_LIMIT_MS = 2 ** 31 - 1;
const BEGIN_UNLIMITED = `${BEGIN_PINNED}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`;

/** Sets our time limit, which a pool that was handed in need not have. */
const timed = (text: string, values: readonly unknown[], limitMs = STATEMENT_MS) => ({
  text,
  values: [...values],
  query_timeout: limitMs,
});

/** Serialization failure, read-only transaction. With our own defaults only a conflict or a standby causes them. */
const BY_DEFAULTS: ReadonlySet<string> = new Set(["40001", "25006"]);
/** Serialization failure, deadlock. The server has rolled everything back, and the same statements may succeed now. */
const CONFLICTS: ReadonlySet<string> = new Set(["40001", "40P01"]);
const MAX_TRIES = 8;
const MAX_PAUSE_MS = 100;

async function againAfterConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (!CONFLICTS.has(codeOf(toError(thrown))) || tries === MAX_TRIES) throw thrown;
      const pauseMs = Math.min(2 ** tries, MAX_PAUSE_MS) * Math.random();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
