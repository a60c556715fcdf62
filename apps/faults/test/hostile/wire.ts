import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What a wire does to the bytes that pass. */
export type Damage = "none" | "reset" | "cut" | "junk" | "slow" | "silence";

/** A proxy to a server that damages the responses. Requests to the server may be cut or late, and are never changed. */
export interface HostileWire {
  readonly port: number;
  damage(how: Damage): void;
  close(): Promise<void>;
}

const SLOW_MS = 20;

/** Passes bytes between its own port and 127.0.0.1:`port`. `random` returns numbers from 0 up to 1. */
export async function startHostileWire({ port: to }: { port: number }, random: () => number): Promise<HostileWire> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let damage: Damage = "none";

  function end(pair: readonly [Socket, Socket]): void {
    pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  }

  function pass(pair: readonly [Socket, Socket], chunk: Buffer, fromServer: boolean): void {
    const target = fromServer ? pair[0] : pair[1];
    const cut = Math.floor(random() * chunk.length);
    switch (damage) {
      case "none":
        target.write(chunk);
        return;
      case "slow":
        setTimeout(() => target.write(chunk), SLOW_MS);
        return;
      case "silence":
        return;
      case "reset":
        return end(pair);
      case "junk":
        if (fromServer) target.write(Buffer.from(chunk.map((byte) => (random() < 0.5 ? byte ^ 0xff : byte))));
        else target.write(chunk.subarray(0, cut));
        break;
      case "cut":
        target.write(chunk.subarray(0, cut));
    }
    setImmediate(() => end(pair));
  }

  const server = createServer((near) => {
    const pair = [near, connect({ port: to, host: "127.0.0.1" })] as const;
    pairs.add(pair);
    for (const [index, socket] of pair.entries()) {
      socket
        .setNoDelay(true)
        .on("error", () => end(pair))
        .on("close", () => end(pair));
      socket.on("data", (chunk: Buffer) => pass(pair, chunk, index === 1));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    damage(how) {
      // Delayed or dropped bytes leave a gap in the stream, so such a connection cannot be used any more.
      if (how === "reset" || damage === "silence" || damage === "slow") pairs.forEach(end);
      damage = how;
    },
    async close() {
      pairs.forEach(end);
      server.close();
      await once(server, "close");
    },
  };
}
