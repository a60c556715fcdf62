import { Socket } from "node:net";
import { type ClientConfig, Pool } from "pg";
import type { Settings } from "./options.ts";

/** Runs one statement; every parameter is text, a number, a boolean or null, so that any driver could. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

/** The connections of one process. Statements have no name and locks end with their transaction: a pooler may stand between. */
export interface Database {
  readonly query: Query;
  /** Rolls back when `work` rejects. */
  transact<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Lets running statements end for `limitMs`, then cuts the connections. A pool that was handed in stays open. */
  close(limitMs: number): Promise<void>;
}

/** A statement without an answer by then fails, and its connection is given up: the server may be frozen or unreachable. */
const QUERY_TIMEOUT_MS = 8_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** What each connection of ours is opened with. `sockets` gains the socket of each, so that it can be cut. */
export function clientConfig(url: string, sockets: Set<Socket>): ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    fallback_application_name: "waybill",
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once("close", () => sockets.delete(socket));
    },
  };
}

export function openDatabase({ url, pool: given, connections }: Settings): Database {
  const sockets = new Set<Socket>();
  const pool = given ?? new Pool({ ...clientConfig(url, sockets), max: Math.max(connections - 1, 1) });
  // An idle connection that dies leaves the pool, and one in use rejects its statement; nothing more is to be done.
  const ignored = (): void => undefined;
  if (given === null) pool.on("error", ignored).on("connect", (client) => client.on("error", ignored));

  return {
    async query(text, values = []) {
      return (await pool.query(text, [...values])).rows as unknown[];
    },
    async transact(work) {
      const client = await pool.connect();
      let broken = true;
      try {
        await client.query("BEGIN");
        const result = await work(async (text, values = []) => (await client.query(text, [...values])).rows);
        await client.query("COMMIT");
        broken = false;
        return result;
      } finally {
        // A connection given up in the middle takes its transaction with it.
        client.release(broken);
      }
    },
    async close(limitMs) {
      if (given !== null) return;
      const ended = pool.end();
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), limitMs);
      await ended;
      clearTimeout(cut);
    },
  };
}
