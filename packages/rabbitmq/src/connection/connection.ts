import { connect as connectTo, type ChannelModel, credentials, type SocketOptions } from "amqplib";
import { WaybillError } from "@waybill/core";
import { connectError } from "../errors.ts";
import type { Settings } from "../options.ts";
import { createDeclarations, type Declarations } from "../topology/declarations.ts";
import { type Alarms, watchAlarms } from "./alarms.ts";
import { type Liveness, watchLiveness } from "./heartbeat.ts";
import { coalesceWrites, destroySocket, letProcessEnd } from "./socket.ts";
import { openUserConnection } from "./user-connection.ts";

/** One open connection, until it is lost. */
export interface Session {
  readonly model: ChannelModel;
  readonly declarations: Declarations;
  readonly liveness: Liveness;
  readonly alarms: Alarms;
  alive: boolean;
}

/** A connection that opens at its first use, and again after it was lost. */
export interface Connection {
  /** Returns the open session, or opens one. Rejects BACKEND_UNAVAILABLE after `CONNECT_MS` without a broker. */
  session(): Promise<Session>;
  /** Closes with the AMQP handshake, and for good. Idempotent; resolves only if the broker replies. */
  close(): Promise<void>;
  /** Destroys the socket at once, and for good. */
  destroy(): void;
}

/** A broker answers a handshake in milliseconds; a frozen one never does. */
const CONNECT_MS = 4_000;

/**
 * Returns a connection that is not open yet. `heartbeatS` is called when it opens. `watched` is true for the connection that
 * leases: it is destroyed when the broker stops replying. One that publishes gets no replies while an alarm lasts.
 */
export function createConnection(settings: Settings, heartbeatS: () => number, watched: boolean): Connection {
  const destroyed = new AbortController();
  let current: Session | null = null;
  let opening: Promise<Session> | null = null;
  let closing: Promise<void> | null = null;

  async function open(): Promise<Session> {
    const seconds = heartbeatS();
    const model = await openModel(settings, seconds, destroyed.signal);
    coalesceWrites(model);
    letProcessEnd(model);
    // An "error" event without a listener would end the process. Calls in flight fail by their channels.
    model.on("error", () => undefined);
    const end = (): void => destroySocket(model, new Error("the connection was cut"));
    // By itself the signal reaches only sockets that are opened here.
    if (settings.connect) destroyed.signal.addEventListener("abort", end);
    const liveness = watched
      ? await watchLiveness(model, seconds, (error) => destroySocket(model, error))
      : { provenUntil: Infinity };
    const declarations = createDeclarations(settings, model);
    const session: Session = { model, declarations, liveness, alarms: watchAlarms(model), alive: true };
    model.on("close", () => {
      session.alive = false;
      destroyed.signal.removeEventListener("abort", end);
      if (current === session) current = null;
    });
    if (closing === null) return (current = session);
    await model.close();
    throw new WaybillError("BACKEND_CLOSED", `${settings.address} was closed while it connected`);
  }

  async function closeSession(): Promise<void> {
    const session = current ?? (await opening?.catch(() => null)) ?? null;
    if (session?.alive) await session.model.close();
  }

  return {
    async session() {
      if (current !== null) return current;
      opening ??= open().finally(() => (opening = null));
      return opening;
    },
    close: () => (closing ??= closeSession()),
    destroy: () => destroyed.abort(),
  };
}

async function openModel(settings: Settings, heartbeatS: number, signal: AbortSignal): Promise<ChannelModel> {
  const { server, tls, external, address, connect } = settings;
  // `signal` goes to the socket itself: nothing else releases a socket to a broker that no longer answers.
  const socket: SocketOptions & { readonly signal: AbortSignal } = {
    ...tls,
    ...(external && { credentials: credentials.external() }),
    noDelay: true,
    timeout: CONNECT_MS,
    clientProperties: { connection_name: `waybill ${process.pid}` },
    signal,
  };
  try {
    if (connect) return await openUserConnection(connect, heartbeatS, CONNECT_MS);
    return await connectTo({ ...server, heartbeat: heartbeatS }, socket);
  } catch (thrown) {
    const user = external ? null : (server.username ?? "");
    throw connectError(thrown, address, user, decodeURIComponent(server.vhost ?? ""));
  }
}
