import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { clientConfig } from "./database.ts";
import { GuardedClient } from "./guarded-client.ts";
import type { Query } from "./query.ts";
import { pinSession, processIdOf } from "./session.ts";

/** Receives notifications on a connection of its own, and opens another when that is lost. */
export interface Listener {
  /** False while no notification can arrive: waiting calls must then poll. */
  isListening(): boolean;
  /** Receives the notifications of one more channel, also after a reconnect. `began` is called each time it begins to. */
  subscribe(channel: string, began: () => void): void;
  unsubscribe(channel: string): void;
  /** Whether the notifications of that channel arrive now. */
  isSubscribed(channel: string): boolean;
  close(): void;
}

export interface ListenerOptions {
  readonly url: string;
  readonly channel: string;
  /** On another connection, to test whether notifications arrive. */
  readonly query: Query;
  readonly received: (payload: string, channel: string) => void;
  /** Called after each reconnect: notifications were missed. */
  readonly reconnected: () => void;
}

const TRIAL_MS = 1_000;
const HEARTBEAT_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

/**
 * Starts to listen. Resolves to null where notifications do not arrive, because the URL leads to a pooler that lends its
 * connections for one transaction. A server that cannot be reached now is tried again later.
 */
export async function startListener(options: ListenerOptions): Promise<Listener | null> {
  const sockets = new Set<Socket>();
  let closed = false;
  let client: GuardedClient | null = null;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let trial: { readonly payload: string; readonly passed: () => void } | null = null;

  const subscriptions = new Map<string, () => void>();
  /** The subscriptions that the present connection has. */
  const subscribed = new Set<string>();

  function lost(): void {
    clearTimeout(timer);
    subscribed.clear();
    client = null;
    for (const socket of sockets) socket.destroy();
    if (closed) return;
    timer = setTimeout(() => void reconnect(), pauseMs * (0.5 + Math.random() / 2)).unref();
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }

  async function reconnect(): Promise<void> {
    try {
      await connect();
      options.reconnected();
    } catch {
      lost();
    }
  }

  /** Returns false when a pooler was reached instead of the server. */
  async function connect(): Promise<boolean> {
    const fresh = new GuardedClient(clientConfig(options.url, sockets));
    for (const event of ["error", "end"] as const) fresh.on(event, () => fresh === client && lost());
    fresh.on("notification", ({ channel, payload = "" }) => {
      if (payload === trial?.payload) trial.passed();
      else options.received(payload, channel);
    });
    await fresh.connect();
    const { rows } = await fresh.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    if (rows[0]?.pid !== processIdOf(fresh)) {
      // A LISTEN would remain on a connection that the pooler lends to others.
      await fresh.end();
      return false;
    }
    await pinSession(fresh);
    await fresh.query(`LISTEN "${options.channel}"`);
    // A waiting lease call keeps the process alive; this connection need not.
    fresh.letProcessEnd();
    client = fresh;
    pauseMs = FIRST_PAUSE_MS;
    for (const channel of subscriptions.keys()) void listenTo(channel);
    beat();
    return true;
  }

  /** Never rejects: a connection that fails is replaced, and this is repeated on the next. */
  async function listenTo(channel: string): Promise<void> {
    const [to, began] = [client, subscriptions.get(channel)];
    try {
      await to?.query(`LISTEN "${channel}"`);
    } catch {
      return;
    }
    if (to === null || to !== client || subscriptions.get(channel) !== began) return;
    subscribed.add(channel);
    began?.();
  }

  /** Finds a connection that is dead without a sign. */
  function beat(): void {
    timer = setTimeout(() => client?.query("SELECT 1").then(beat, lost), HEARTBEAT_MS).unref();
  }

  async function doesArrive(): Promise<boolean> {
    const payload = `?${randomUUID()}`;
    const arrived = new Promise<boolean>((resolve) => {
      const late = setTimeout(resolve, TRIAL_MS, false);
      const passed = (): void => {
        clearTimeout(late);
        resolve(true);
      };
      trial = { payload, passed };
    });
    await options.query("SELECT pg_notify($1, $2)", [options.channel, payload]);
    const passed = await arrived;
    trial = null;
    return passed;
  }

  const listener: Listener = {
    isListening: () => client !== null,
    subscribe(channel, began) {
      subscriptions.set(channel, began);
      void listenTo(channel);
    },
    unsubscribe(channel) {
      subscriptions.delete(channel);
      subscribed.delete(channel);
      client?.query(`UNLISTEN "${channel}"`).catch(() => undefined);
    },
    isSubscribed: (channel) => subscribed.has(channel),
    close() {
      closed = true;
      lost();
    },
  };
  try {
    if ((await connect()) && (await doesArrive())) return listener;
    listener.close();
    return null;
  } catch {
    lost();
    return listener;
  }
}
