import { Writable } from "node:stream";
import { member } from "@waybill/core/backend";
import type { ChannelModel } from "amqplib";

/**
 * The socket of a connection and the timers of its heartbeats, which amqplib keeps to itself. On a client that keeps
 * them elsewhere, these functions have no effect, except that `destroySocket` closes the connection.
 */
function streamOf(model: ChannelModel): Writable | null {
  const { stream } = model.connection as { readonly stream?: unknown };
  return stream instanceof Writable ? stream : null;
}

/**
 * Sends all frames of one turn of the event loop together, at its end. By default amqplib writes each frame by itself,
 * and that system call is more than half the cost of an ack or a publish.
 */
export function coalesceWrites(model: ChannelModel): void {
  const stream = streamOf(model);
  if (stream === null) return;
  const write: (chunk: unknown) => boolean = stream.write.bind(stream);
  let corked = false;
  const uncork = (): void => {
    corked = false;
    stream.uncork();
  };
  stream.write = (chunk: unknown): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(uncork);
    }
    return write(chunk);
  };
}

/** Lets the process end while this connection is idle. Core keeps the process alive during calls. */
export function letProcessEnd(model: ChannelModel): void {
  const heartbeats = member(model.connection, "heartbeater");
  const timers = [member(heartbeats, "sendTimer"), member(heartbeats, "recvTimer")];
  for (const handle of [member(model.connection, "stream"), ...timers]) {
    const unref = member(handle, "unref");
    if (typeof unref === "function") unref.call(handle);
  }
}

/** Ends the connection without the closing handshake. amqplib ends its channels with the error. */
export function destroySocket(model: ChannelModel, error: Error): void {
  const stream = streamOf(model);
  if (stream !== null) stream.destroy(error);
  else model.close().catch(() => undefined);
}
