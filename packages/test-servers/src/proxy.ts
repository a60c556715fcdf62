import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Transform, type TransformCallback } from "node:stream";

/** Bytes from the client to the server, from the server to the client, or both. */
export type Way = "requests" | "replies" | "both";

/** A connection to a server that can be cut and healed. */
export interface Proxy {
  readonly port: number;
  /** The server's URL with the port of this proxy. */
  url(serverUrl: string): string;
  /**
   * "reset": connections break at once, new ones as soon as they are made. "silence": connections stay, new ones are
   * accepted, and no byte passes either way, or one way, until `heal`.
   */
  cut(how?: "reset" | "silence", way?: Way): void;
  /** From now on each byte arrives as much later. 0: at once. */
  delay(ms: number, way?: Way): void;
  heal(): void;
  /** Replaces each chunk of the server's replies by what `garble` returns; null: passes them as they are. */
  garble(garble: ((reply: Buffer) => Buffer) | null): void;
  close(): Promise<void>;
}

type Pair = readonly [near: Socket, far: Socket, requests: Transform, replies: Transform];
type Passes = "requests" | "replies";

/** Passes every byte between its own port and 127.0.0.1:`port`. */
export async function startProxy(target: { readonly port: number }): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let garbled: ((reply: Buffer) => Buffer) | null = null;
  let state: "whole" | "reset" | "silence" = "whole";
  const silent = new Set<Passes>();
  const delays = { requests: 0, replies: 0 };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (state === "reset") return void near.resetAndDestroy();
    const far = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true });
    const requests = createLag(() => delays.requests);
    const replies = createLag(
      () => delays.replies,
      (reply) => (garbled === null ? reply : garbled(reply)),
    );
    const pair: Pair = [near, far, requests, replies];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const stream of pair) stream.destroy();
    };
    requests.pipe(far);
    replies.pipe(near);
    for (const socket of [near, far]) socket.setNoDelay(true).on("error", end).on("close", end);
    for (const way of WAYS) if (!silent.has(way)) join(pair, way);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: (serverUrl) => serverUrl.replace(`:${target.port}`, `:${port}`),
    cut(how = "reset", way = "both") {
      state = how;
      if (how === "reset") return pairs.forEach(breakOff);
      for (const one of waysOf(way)) {
        if (silent.has(one)) continue;
        silent.add(one);
        for (const pair of pairs) part(pair, one);
      }
    },
    delay(ms, way = "both") {
      for (const one of waysOf(way)) delays[one] = ms;
    },
    heal() {
      for (const one of silent) for (const pair of pairs) join(pair, one);
      silent.clear();
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

const WAYS = ["requests", "replies"] as const;
const waysOf = (way: Way): readonly Passes[] => (way === "both" ? WAYS : [way]);

/** Passes each chunk on after as long as `lagMs` says, in order. */
function createLag(lagMs: () => number, change: (chunk: Buffer) => Buffer = (chunk) => chunk): Transform {
  let freeAt = 0;
  /** A timer may be late: each takes the oldest, and what comes meanwhile waits behind. */
  const waiting: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback) {
      const now = performance.now();
      freeAt = Math.max(freeAt, now + lagMs());
      if (freeAt <= now && waiting.length === 0) return done(null, change(chunk));
      waiting.push(chunk);
      setTimeout(
        () => {
          const oldest = waiting.shift();
          if (oldest !== undefined && !this.destroyed) this.push(change(oldest));
        },
        Math.max(0, freeAt - now),
      );
      done();
    },
  });
}

function join([near, far, requests, replies]: Pair, way: Passes): void {
  if (way === "requests") near.pipe(requests);
  else far.pipe(replies);
}

function part([near, far, requests, replies]: Pair, way: Passes): void {
  if (way === "requests") near.unpipe(requests).pause();
  else far.unpipe(replies).pause();
}

function breakOff([near, far]: Pair): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}
