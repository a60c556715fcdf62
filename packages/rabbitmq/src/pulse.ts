import type { Channel, ChannelModel } from "amqplib";

/**
 * Knows until when the broker keeps a connection. A broker drops one that it has not heard for two heartbeats, and
 * gives what the connection held to others. What it last heard is known only from an answer, so a question is asked
 * twice a heartbeat: the connection lasts two heartbeats from when the last answered question was sent.
 */
export interface Pulse {
  /** Monotonic milliseconds. Past it, what this connection held may be another's, and the connection is cut. */
  readonly until: number;
}

/** Heartbeats of silence after which a broker may drop a connection. */
const MISSED = 2;

/** Asks until the connection ends. `cut` ends it. */
export async function startPulse(model: ChannelModel, askedS: number, cut: (error: Error) => void): Promise<Pulse> {
  const heartbeatMs = heartbeatOf(model, askedS) * 1_000;
  let sentAt = performance.now();
  let until = sentAt + MISSED * heartbeatMs;
  let waiting = false;
  const channel: Channel = await model.createChannel();
  // Whatever ends the channel alone leaves the connection unproven: it is cut in time.
  channel.on("error", () => undefined);

  async function ask(): Promise<void> {
    waiting = true;
    const asked = (sentAt = performance.now());
    try {
      // Changes nothing: nothing is consumed on this channel.
      await channel.prefetch(1);
      until = asked + MISSED * heartbeatMs;
    } catch {
      // The connection is gone, and says so itself.
    } finally {
      waiting = false;
    }
  }

  function beat(): void {
    const now = performance.now();
    if (now >= until) {
      clearInterval(timer);
      cut(new Error(`the broker did not answer for ${MISSED} heartbeats of ${heartbeatMs / 1_000} s`));
    } else if (!waiting && now - sentAt >= heartbeatMs / 2) void ask();
  }

  const timer = setInterval(beat, heartbeatMs / 4).unref();
  model.on("close", () => clearInterval(timer));
  return {
    get until() {
      return until;
    },
  };
}

/** What both sides agreed on, in seconds; what was asked for where the client does not tell or the broker waits for ever. */
function heartbeatOf(model: ChannelModel, askedS: number): number {
  const { heartbeat } = model.connection as { readonly heartbeat?: unknown };
  return typeof heartbeat === "number" && heartbeat > 0 ? heartbeat : askedS;
}
