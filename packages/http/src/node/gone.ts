import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What each connection has to tell at its end. */
const told = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `listener` once, when the response is closed or its connection is. Node 22 closes only the response whose turn it
 * is, and says nothing of those of later requests on the same connection.
 */
export function whenClosed(response: ServerResponse, socket: Socket, listener: () => void): void {
  if (response.closed || socket.destroyed) return listener();
  const listeners = told.get(socket) ?? listenersOf(socket);
  const tell = (): void => void (listeners.delete(tell) && listener());
  listeners.add(tell);
  response.once("close", tell);
}

/** One listener for all: a connection may have many requests under way. */
function listenersOf(socket: Socket): Set<() => void> {
  const listeners = new Set<() => void>();
  told.set(socket, listeners);
  socket.once("close", () => listeners.forEach((tell) => tell()));
  return listeners;
}
