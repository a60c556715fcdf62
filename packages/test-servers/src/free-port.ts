import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below those that systems lend to outgoing connections: there, a client that asks for a server which is away may be
 * lent that very port, and the server cannot come back to it.
 */
const LOWEST = 10_000;
const HIGHEST = 32_767;

/** A port of 127.0.0.1 that nothing listened on a moment ago, and that no client will be lent. */
export async function freePort(): Promise<number> {
  const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
  const server = createServer().listen(port, "127.0.0.1");
  const listens = await once(server, "listening").then(
    () => true,
    () => false,
  );
  if (!listens) return freePort();
  server.close();
  await once(server, "close");
  return port;
}
