import type { Socket } from "node:net";

const EVERY_MS = 250;

/**
 * Returns a signal that aborts once the server of a connection no longer listens, and the function that stops looking. Without it
 * `server.close()`, and with it `app.close()` of Nest, would wait for every page that is open. A server has no event for the moment
 * in which it begins to close.
 */
export function endWithServer(socket: Socket): { readonly signal: AbortSignal; stop(): void } {
  const { server } = socket as { readonly server?: { readonly listening?: boolean } };
  const ended = new AbortController();
  const look = setInterval(() => {
    if (server?.listening === false) ended.abort();
  }, EVERY_MS);
  look.unref();
  return { signal: ended.signal, stop: () => clearInterval(look) };
}
