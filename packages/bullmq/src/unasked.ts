import type { Redis } from "ioredis";

/** What ioredis 6 has within: the commands whose replies are due, taken by its reader and by what empties the queue. */
interface Within {
  readonly commandQueue?: { shift(): unknown };
  flushQueue?(...args: unknown[]): void;
}

const unasked = { command: { name: "unasked", resolve: () => undefined, reject: () => undefined }, select: 0 };

/**
 * Connects anew when a reply comes that no command asked for: nothing after it can be told apart. ioredis itself throws
 * in the next tick if that reply is null (`DataHandler.shiftCommand`), where nobody can catch it, and the process ends.
 * The clients of a cluster's nodes are out of reach.
 */
export function refuseUnasked(client: Redis): void {
  const within = client as unknown as Within;
  const { flushQueue } = within;
  let flushing = false;
  within.flushQueue = (...args) => {
    flushing = true;
    try {
      flushQueue?.apply(client, args);
    } finally {
      flushing = false;
    }
  };
  // Each connection has a queue of its own, which is there before its first reply.
  client.on("connect", () => {
    const queue = within.commandQueue;
    if (queue === undefined) return;
    const { shift } = queue;
    queue.shift = () => {
      const due = shift.call(queue);
      if (due !== undefined || flushing) return due;
      client.disconnect(true);
      return unasked;
    };
  });
}
