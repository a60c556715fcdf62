import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Transform } from "node:stream";

/** A connection to a server that can be cut and healed. */
export interface Proxy {
  readonly port: number;
  /** The server's URL with the port of this proxy. */
  url(serverUrl: string): string;
  /**
   * "reset": connections break at once, new ones as soon as they are made. "silence": connections stay, new ones are
   * accepted, and no byte passes either way until `heal`.
   */
  cut(how?: "reset" | "silence"): void;
  heal(): void;
  /** Replaces each chunk of the server's replies by what `garble` returns; null: passes them as they are. */
  garble(garble: ((reply: Buffer) => Buffer) | null): void;
  close(): Promise<void>;
}

type Pair = readonly [near: Socket, far: Socket, replies: Transform];

/** Passes every byte between its own port and 127.0.0.1:`port`. */
export async function startProxy(target: { readonly port: number }): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let garbled: ((reply: Buffer) => Buffer) | null = null;
  let state: "whole" | "reset" | "silence" = "whole";
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (state === "reset") return void near.resetAndDestroy();
    const far = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true });
    const replies = new Transform({
      transform: (reply: Buffer, _, done) => done(null, garbled === null ? reply : garbled(reply)),
    });
    const pair: Pair = [near, far, replies];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    replies.pipe(near);
    for (const socket of [near, far]) socket.setNoDelay(true).on("error", end).on("close", end);
    if (state === "whole") join(pair);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: (serverUrl) => serverUrl.replace(`:${target.port}`, `:${port}`),
    cut(how = "reset") {
      state = how;
      pairs.forEach(how === "reset" ? breakOff : part);
    },
    heal() {
      if (state === "silence") pairs.forEach(join);
      state = "whole";
    },
    garble: (garble) => void (garbled = garble),
    async close() {
      for (const pair of pairs) pair.forEach((socket) => socket.destroy());
      server.close();
      await once(server, "close");
    },
  };
}

function join([near, far, replies]: Pair): void {
  near.pipe(far);
  far.pipe(replies);
}

function breakOff([near, far]: Pair): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}

function part([near, far, replies]: Pair): void {
  near.unpipe(far).pause();
  far.unpipe(replies).pause();
}
