import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const listenersBySocket = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `listener` once, when the response or its connection closes. With several requests on one connection, Node 22
 * closes only the response that is being sent, so the connection is watched as well.
 */
export function whenClosed(response: ServerResponse, socket: Socket, listener: () => void): void {
  if (response.closed || socket.destroyed) return listener();
  const listeners = listenersBySocket.get(socket) ?? listenersOf(socket);
  const call = (): void => void (listeners.delete(call) && listener());
  listeners.add(call);
  response.once("close", call);
}

/** One listener per connection, which may have many requests in flight. */
function listenersOf(socket: Socket): Set<() => void> {
  const listeners = new Set<() => void>();
  listenersBySocket.set(socket, listeners);
  socket.once("close", () => listeners.forEach((call) => call()));
  return listeners;
}
