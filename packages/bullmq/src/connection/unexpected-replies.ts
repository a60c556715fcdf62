import type { Redis } from "ioredis";

/** Private members of ioredis 6: the commands that wait for a reply, removed by its reader or by `flushQueue`. */
interface PrivateMembers {
  readonly commandQueue?: { shift(): unknown };
  flushQueue?(...args: unknown[]): void;
}

const noCommand = { command: { name: "none", resolve: () => undefined, reject: () => undefined }, select: 0 };

/**
 * Reconnects when a reply arrives that no command asked for: later replies cannot be matched to commands. ioredis itself
 * throws in the next tick if that reply is null (`DataHandler.shiftCommand`), where no caller can catch it, and the process
 * ends. Does not cover the clients of a cluster's nodes, which ioredis does not expose.
 */
export function reconnectOnUnexpectedReplies(client: Redis): void {
  const members = client as unknown as PrivateMembers;
  const { flushQueue } = members;
  let flushing = false;
  members.flushQueue = (...args) => {
    flushing = true;
    try {
      flushQueue?.apply(client, args);
    } finally {
      flushing = false;
    }
  };
  // Each connection has a queue of its own, which exists before its first reply.
  client.on("connect", () => {
    const queue = members.commandQueue;
    if (queue === undefined) return;
    const { shift } = queue;
    queue.shift = () => {
      const due = shift.call(queue);
      if (due !== undefined || flushing) return due;
      client.disconnect(true);
      return noCommand;
    };
  });
}
