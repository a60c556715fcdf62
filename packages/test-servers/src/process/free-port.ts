import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ephemeral ports of outgoing connections: a client that connects to a server which is away could get that very
 * port as its own, and the server could not listen on it again.
 */
const LOWEST = 10_000;
const HIGHEST = 32_767;

/** Returns a port of 127.0.0.1 that no process listened on a moment ago, and that no client gets as its own. */
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
