import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A wire to a server that can be cut and healed. */
export interface Proxy {
  readonly port: number;
  /** The server's URL with the wire's port in it. */
  url(serverUrl: string): string;
  /**
   * "reset": connections break at once, new ones as soon as they are made. "silence": connections stay, new ones are
   * accepted, and no byte passes either way until `heal`.
   */
  cut(how?: "reset" | "silence"): void;
  heal(): void;
  close(): Promise<void>;
}

/** Passes every byte between its own port and 127.0.0.1:`port`. */
export async function startProxy(target: { readonly port: number }): Promise<Proxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: "whole" | "reset" | "silence" = "whole";
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (state === "reset") return void near.resetAndDestroy();
    const far = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on("error", end).on("close", end);
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
    async close() {
      for (const pair of pairs) pair.forEach((socket) => socket.destroy());
      server.close();
      await once(server, "close");
    },
  };
}

function join([near, far]: readonly [Socket, Socket]): void {
  near.pipe(far);
  far.pipe(near);
}

function breakOff(pair: readonly [Socket, Socket]): void {
  pair.forEach((socket) => socket.resetAndDestroy());
}

function part([near, far]: readonly [Socket, Socket]): void {
  near.unpipe(far).pause();
  far.unpipe(near).pause();
}
