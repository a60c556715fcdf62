import { Socket } from "node:net";
import { callbackify } from "node:util";
import { toError } from "@waybill/core";
import { type ClientConfig, Pool, type PoolClient } from "pg";
import { codeOf } from "./errors.ts";
import { GuardedClient, guardReplies } from "./guarded-client.ts";
import type { Settings } from "./options.ts";
import { BEGIN_PINNED, pinSession, STATEMENT_MS } from "./session.ts";

/** Runs one statement; every parameter is text, a number, a boolean or null, so that any driver could. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

/**
 * The connections of one process. Statements have no name and locks end with their transaction: a pooler may stand
 * between. What the server rolled back because of a conflict is run again.
 */
export interface Database {
  readonly query: Query;
  /** Rolls back when `work` rejects. `work` may run again after a conflict, so it writes to the database only. */
  transact<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** From now on every statement runs in a transaction that sets what the session's defaults have otherwise. */
  distrustDefaults(): void;
  /** Lets running statements end for `limitMs`, then cuts the connections. A pool that was handed in stays open. */
  close(limitMs: number): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** What each connection of ours is opened with. `sockets` gains the socket of each, so that it can be cut. */
export function clientConfig(url: string, sockets: Set<Socket>): ClientConfig {
  return {
    connectionString: url,
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

/** An idle connection that dies leaves the pool, and one in use rejects its statement; nothing more is to be done. */
const ignored = (): void => undefined;

const pinned = callbackify(pinSession);

/** The pool would count its time limit from the call: a wait for the program's own statements as the server's silence. */
class PatientlyPooled extends GuardedClient {
  constructor(config?: ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  }
}

function poolOf({ url, connections }: Settings, sockets: Set<Socket>): Pool {
  const pool = new Pool({
    ...clientConfig(url, sockets),
    connectionTimeoutMillis: 0,
    Client: PatientlyPooled,
    max: Math.max(connections - 1, 1),
    // What a failed pin means, the statement that follows says: another product, or a connection that is gone.
    verify: (client, done) => pinned(client, () => done()),
  });
  return pool.on("connect", (client) => client.on("error", ignored));
}

export function openDatabase(settings: Settings): Database {
  const sockets = new Set<Socket>();
  const pool = settings.pool ?? poolOf(settings, sockets);
  // A pool that was handed in may have nobody who listens: an error of an idle connection would end the process.
  pool.on("error", ignored);
  let trusted = true;

  /** Lends one connection to `work`, and gives it up when `work` rejects: its transaction goes with it. */
  async function lend<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    // While it is out of the pool, its errors are ours to hear.
    client.on("error", ignored);
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

  const transact = <T>(work: (query: Query) => Promise<T>): Promise<T> =>
    lend(async (client) => {
      await client.query(BEGIN_PINNED);
      const result = await work(async (text, values = []) => (await client.query(timed(text, values))).rows);
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
      // A transaction that asks for what we need fails on a standby, too. Where it succeeds, the session's defaults are not
      // ours: they were changed, or are different on this connection.
      const rows = await inTransaction();
      trusted = false;
      return rows;
    }
  }

  return {
    query: (text, values = []) => againAfterConflict(() => once(text, values)),
    transact: (work) => againAfterConflict(() => transact(work)),
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

/** With our time limit, on whosever connection it runs. */
const timed = (text: string, values: readonly unknown[]) => ({
  text,
  values: [...values],
  query_timeout: STATEMENT_MS,
});

/** Serialization failure and read-only transaction: with our own defaults, only a conflict and a standby cause them. */
const BY_DEFAULTS: ReadonlySet<string> = new Set(["40001", "25006"]);
/** The server has rolled everything back, and the same statements may succeed now. */
const CONFLICTS: ReadonlySet<string> = new Set(["40001", "40P01"]);
const MOST_TRIES = 8;
const LONGEST_PAUSE_MS = 100;

async function againAfterConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (!CONFLICTS.has(codeOf(toError(thrown))) || tries === MOST_TRIES) throw thrown;
      const pauseMs = Math.min(2 ** tries, LONGEST_PAUSE_MS) * Math.random();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
