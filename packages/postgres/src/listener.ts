import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { clientConfig, type Query } from "./database.ts";
import { GuardedClient } from "./guarded-client.ts";
import { pinSession, processIdOf } from "./session.ts";

/** Hears notifications on a connection of its own, and comes back by itself when that is lost. */
export interface Listener {
  /** False while no notification can arrive: then whoever waits must look more often. */
  listening(): boolean;
  close(): void;
}

export interface ListenerOptions {
  readonly url: string;
  readonly channel: string;
  /** On another connection, to try the way a notification takes. */
  readonly query: Query;
  readonly heard: (payload: string) => void;
  /** Back after a loss: what was told meanwhile was missed. */
  readonly missed: () => void;
}

const TRIAL_MS = 1_000;
const HEARTBEAT_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Null where notifications do not arrive: the URL leads to a pooler which lends connections for one transaction. A server
 * that has no connection left now is tried again later.
 */
export async function startListener(options: ListenerOptions): Promise<Listener | null> {
  const sockets = new Set<Socket>();
  let closed = false;
  let client: GuardedClient | null = null;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let trial: { readonly payload: string; readonly passed: () => void } | null = null;

  function lost(): void {
    clearTimeout(timer);
    client = null;
    for (const socket of sockets) socket.destroy();
    if (closed) return;
    timer = setTimeout(() => void reconnect(), pauseMs * (0.5 + Math.random() / 2));
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }

  async function reconnect(): Promise<void> {
    try {
      await connect();
      options.missed();
    } catch {
      lost();
    }
  }

  /** Answers whether what was reached is the server itself, or somebody who stands before it. */
  async function connect(): Promise<boolean> {
    const fresh = new GuardedClient(clientConfig(options.url, sockets));
    fresh.on("error", () => fresh === client && lost());
    fresh.on("end", () => fresh === client && lost());
    fresh.on("notification", ({ payload = "" }) => {
      if (payload === trial?.payload) trial.passed();
      else options.heard(payload);
    });
    await fresh.connect();
    const { rows } = await fresh.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    if (rows[0]?.pid !== processIdOf(fresh)) {
      // A LISTEN would stay behind on a connection that belongs to others.
      await fresh.end();
      return false;
    }
    await pinSession(fresh);
    await fresh.query(`LISTEN "${options.channel}"`);
    client = fresh;
    pauseMs = FIRST_PAUSE_MS;
    beat();
    return true;
  }

  /** A connection that is dead without a sign is found out. */
  function beat(): void {
    timer = setTimeout(() => {
      client?.query("SELECT 1").then(beat, lost);
    }, HEARTBEAT_MS);
  }

  async function arrives(): Promise<boolean> {
    const payload = `?${randomUUID()}`;
    const heard = new Promise<boolean>((resolve) => {
      const late = setTimeout(() => resolve(false), TRIAL_MS);
      trial = {
        payload,
        passed: () => {
          clearTimeout(late);
          resolve(true);
        },
      };
    });
    await options.query("SELECT pg_notify($1, $2)", [options.channel, payload]);
    const passed = await heard;
    trial = null;
    return passed;
  }

  const listener: Listener = {
    listening: () => client !== null,
    close() {
      closed = true;
      lost();
    },
  };
  try {
    if ((await connect()) && (await arrives())) return listener;
    listener.close();
    return null;
  } catch {
    lost();
    return listener;
  }
}
