import { Writable } from "node:stream";
import { connect as dial, type ChannelModel, type SocketOptions } from "amqplib";
import { WaybillError } from "@waybill/core";
import { coalesceWrites } from "./coalesce.ts";
import { connectError } from "./errors.ts";
import { connectionOf } from "./handed-in.ts";
import type { Settings } from "./options.ts";
import { type Pulse, startPulse } from "./pulse.ts";
import { createSetup, type Setup } from "./setup.ts";

/** One open connection, until it is lost. */
export interface Session {
  readonly model: ChannelModel;
  /** Declares queues and exchanges, each once per session. */
  readonly setup: Setup;
  /** How long what it holds is surely ours. */
  readonly pulse: Pulse;
  /** The broker's reason while it takes nothing more from publishers (memory or disk alarm); null otherwise. */
  blocked: string | null;
  alive: boolean;
}

/** A connection that is opened when somebody needs it, and again when it was lost. */
export interface Link {
  /** The open session; opens one if there is none. Rejects within `CONNECT_MS` when the broker is away. */
  session(): Promise<Session>;
  /** Says goodbye. Idempotent; resolves only if the broker answers. */
  close(): Promise<void>;
  /** Lets go of the socket without a word, now and for good. */
  cut(): void;
}

/** The broker answers a handshake in milliseconds; one that is frozen never does. */
const CONNECT_MS = 4_000;

export interface LinkSettings {
  readonly settings: Settings;
  readonly heartbeatS: () => number;
  /** True for a connection that holds leases. One that publishes is not read by the broker while an alarm lasts. */
  readonly pulsed: boolean;
}

export function createLink({ settings, heartbeatS, pulsed }: LinkSettings): Link {
  const cut = new AbortController();
  let current: Session | null = null;
  let opening: Promise<Session> | null = null;
  let closing: Promise<void> | null = null;

  async function open(): Promise<Session> {
    const asked = heartbeatS();
    const model = await connectTo(settings, asked, cut.signal);
    coalesceWrites(model);
    // Without a listener an "error" would end the process. What it means for calls under way, their channels tell them.
    model.on("error", () => undefined);
    const end = (): void => cutOff(model, new Error("the connection was cut"));
    // Of itself, the signal reaches our own sockets alone.
    if (settings.connect) cut.signal.addEventListener("abort", end);
    const pulse = pulsed ? await startPulse(model, asked, (error) => cutOff(model, error)) : ENDLESS;
    const session: Session = { model, setup: createSetup(settings, model), pulse, blocked: null, alive: true };
    model.on("close", () => {
      session.alive = false;
      cut.signal.removeEventListener("abort", end);
      if (current === session) current = null;
    });
    model.on("blocked", (reason: string) => void (session.blocked = reason));
    model.on("unblocked", () => void (session.blocked = null));
    if (closing === null) return (current = session);
    await model.close();
    throw new WaybillError("BACKEND_CLOSED", `${settings.address} was closed while it connected`);
  }

  async function goodbye(): Promise<void> {
    const session = current ?? (await opening?.catch(() => null)) ?? null;
    if (session?.alive) await session.model.close();
  }

  return {
    async session() {
      if (current !== null) return current;
      opening ??= open().finally(() => (opening = null));
      return opening;
    },
    close: () => (closing ??= goodbye()),
    cut: () => cut.abort(),
  };
}

const ENDLESS: Pulse = { until: Infinity };

/** Without a goodbye: nobody listens. The error reaches amqplib, which ends the channels. */
function cutOff(model: ChannelModel, error: Error): void {
  const { stream } = model.connection as { readonly stream?: unknown };
  if (stream instanceof Writable) stream.destroy(error);
  else model.close().catch(() => undefined);
}

async function connectTo(settings: Settings, heartbeatS: number, signal: AbortSignal): Promise<ChannelModel> {
  const { server, tls, address, connect } = settings;
  // `signal` reaches the socket itself: the only way to let go of a broker that no longer answers.
  const socket: SocketOptions & { readonly signal: AbortSignal } = {
    ...tls,
    noDelay: true,
    timeout: CONNECT_MS,
    clientProperties: { connection_name: `waybill ${process.pid}` },
    signal,
  };
  try {
    if (connect) return await connectionOf(connect, heartbeatS, CONNECT_MS);
    return await dial({ ...server, heartbeat: heartbeatS }, socket);
  } catch (thrown) {
    throw connectError(thrown, address, server.username ?? "", decodeURIComponent(server.vhost ?? ""));
  }
}
