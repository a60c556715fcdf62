import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { keyRing, newId, type KeyRing } from "@waybill/core";
import { noop, payload } from "../job.ts";
import { rate, verify } from "../verify.ts";

export interface Load {
  readonly port: number;
  readonly secret: string;
  readonly requests: number;
  /** Connections, each with one request under way. */
  readonly width: number;
}

/** Share of the requests that warm up and are not on the clock. */
const WARM_UP = 4;

/**
 * Sends requests that are all written beforehand, each with an id and a signature of its own, and returns requests per
 * second. It parses no more of a response than it has to, so that the server is what is measured.
 */
export async function pushLoad({ port, secret, requests, width }: Load): Promise<number> {
  const ring = keyRing(secret);
  const prepared = Array.from({ length: requests }, () => request(ring));
  const sockets = await Promise.all(Array.from({ length: width }, () => connected(port)));
  const warmUp = Math.floor(requests / WARM_UP);
  let next = 0;
  let completed = 0;
  async function send(until: number): Promise<void> {
    const lane = async (socket: Socket): Promise<void> => {
      while (next < until) {
        await exchange(socket, prepared[next++] as Buffer);
        completed += 1;
      }
    };
    await Promise.all(sockets.map(lane));
  }
  await send(warmUp);
  const startedAt = performance.now();
  await send(requests);
  const speed = rate(requests - warmUp, startedAt);
  verify("requests with status 200", completed, requests);
  for (const socket of sockets) socket.destroy();
  return speed;
}

function request(ring: KeyRing): Buffer {
  const id = newId();
  const body = JSON.stringify({ spec: "waybill/1", id, type: noop.type, queue: noop.queue, args: [payload] });
  const timestamp = Math.floor(Date.now() / 1_000);
  const head = [
    "POST /work HTTP/1.1",
    "host: 127.0.0.1",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `webhook-id: ${id}`,
    `webhook-timestamp: ${timestamp}`,
    `webhook-signature: ${ring.requests.sign({ id, timestamp, body })}`,
    "waybill-attempt: 1",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
  await once(socket, "connect");
  return socket;
}

/** Resolves once the whole response is read. Rejects for any status but 200. */
function exchange(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: string): void => {
      text += chunk;
      const head = text.indexOf("\r\n\r\n");
      if (head === -1) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]);
      if (text.length < head + 4 + length) return;
      socket.off("data", onData).off("close", onClose);
      if (text.startsWith("HTTP/1.1 200")) resolve();
      else reject(new Error(`the response was ${text}`));
    };
    const onClose = (): void => reject(new Error(`the connection closed after ${JSON.stringify(text)}`));
    socket.on("data", onData).on("close", onClose);
    socket.write(bytes);
  });
}
