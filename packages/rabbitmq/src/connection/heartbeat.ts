import type { Channel, ChannelModel } from "amqplib";

/**
 * How long the broker surely keeps a connection and its deliveries. A broker drops a connection after two silent
 * heartbeats, and delivers its messages to others. Only a reply proves that the broker has heard something, so a request
 * is sent twice per heartbeat: the connection lasts two heartbeats from when the last confirmed request was sent.
 */
export interface Liveness {
  /** Monotonic milliseconds. Past it the deliveries may belong to another worker, and the connection is destroyed. */
  readonly provenUntil: number;
}

/** Heartbeats of silence after which a broker may drop a connection. */
const MISSED = 2;

/** Sends requests until the connection ends. `destroy` must end it. */
export async function watchLiveness(
  model: ChannelModel,
  requestedS: number,
  destroy: (error: Error) => void,
): Promise<Liveness> {
  const heartbeatMs = heartbeatOf(model, requestedS) * 1_000;
  let sentAt = performance.now();
  let provenUntil = sentAt + MISSED * heartbeatMs;
  let waiting = false;
  const channel: Channel = await model.createChannel();
  // If only this channel ends, the connection stays unproven and is destroyed in time.
  channel.on("error", () => undefined);

  async function ask(): Promise<void> {
    waiting = true;
    const askedAt = (sentAt = performance.now());
    try {
      // Changes nothing, since nothing is consumed on this channel.
      await channel.prefetch(1);
      provenUntil = askedAt + MISSED * heartbeatMs;
    } catch {
      // The connection has ended, which its own "close" event reports.
    } finally {
      waiting = false;
    }
  }

  function tick(): void {
    const now = performance.now();
    if (now >= provenUntil) {
      clearInterval(timer);
      destroy(new Error(`the broker did not answer for ${MISSED} heartbeats of ${heartbeatMs / 1_000} s`));
    } else if (!waiting && now - sentAt >= heartbeatMs / 2) void ask();
  }

  const timer = setInterval(tick, heartbeatMs / 4).unref();
  model.on("close", () => clearInterval(timer));
  return {
    get provenUntil() {
      return provenUntil;
    },
  };
}

/** The negotiated heartbeat in seconds; the requested one where the client does not say or the broker has none. */
function heartbeatOf(model: ChannelModel, requestedS: number): number {
  const { heartbeat } = model.connection as { readonly heartbeat?: unknown };
  return typeof heartbeat === "number" && heartbeat > 0 ? heartbeat : requestedS;
}
