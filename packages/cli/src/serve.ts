import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { errorCode } from "@waybill/core/endpoint";
import { CommandError } from "./exit.ts";

/** A running HTTP server. */
export interface Serving {
  /** Its URL without a path; for port 0, with the port that the system chose. */
  readonly origin: string;
  /**
   * Accepts no more requests. Resolves once every request has its response, or after `drainMs`, with the number of
   * requests that were cut off. A second call ends the wait.
   */
  stop(drainMs: number): Promise<number>;
}

/** Limits against slow clients. A request with an envelope stays far below them. */
export const LIMITS = { headersTimeout: 10_000, requestTimeout: 60_000, connectionsCheckingInterval: 5_000 } as const;
const MOST_CONNECTIONS = 2_000;

/**
 * Starts a server and its health check: 200, or 503 once it stops. Rejects `CommandError` with what to do if it cannot
 * listen.
 */
export async function serve(
  listener: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Serving> {
  let isStopping = false;
  let open = 0;
  const server = createServer(LIMITS, (request, response) => {
    if (request.url === "/health") {
      const status = isStopping ? 503 : 200;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ status: isStopping ? "draining" : "ok" }));
      return;
    }
    open += 1;
    response.once("close", () => (open -= 1));
    listener(request, response);
  });
  server.maxConnections = MOST_CONNECTIONS;
  await listening(server, { host, port });
  const closed = once(server, "close");
  return {
    origin: originOf(server.address() as AddressInfo),
    async stop(drainMs) {
      if (isStopping) {
        server.closeAllConnections();
        return open;
      }
      isStopping = true;
      // Also closes the connections on which nothing is under way.
      server.close();
      let left = 0;
      const timer = setTimeout(() => {
        left = open;
        server.closeAllConnections();
      }, drainMs);
      await closed;
      clearTimeout(timer);
      return left;
    },
  };
}

/** Makes a server listen. Rejects `CommandError` with what to do; `port` and `host` are the options that chose the address. */
export async function listening(
  server: Server,
  at: { readonly host: string; readonly port: number },
  options = { host: "--host", port: "--port" },
): Promise<void> {
  try {
    await once(server.listen(at.port, at.host), "listening");
  } catch (thrown) {
    const text = `cannot listen at port ${at.port} of ${at.host}: ${remedyFor(thrown, options)}`;
    throw new CommandError("NOT_LISTENING", text, { cause: thrown });
  }
}

function remedyFor(thrown: unknown, { host, port }: { readonly host: string; readonly port: string }): string {
  switch (errorCode(thrown)) {
    case "EADDRINUSE":
      return `another program uses the port; choose another one by ${port}, or 0 for any that is free`;
    case "EACCES":
      return `this user may not; choose a port from 1024 up by ${port}`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `this machine has no such address; give one of its own by ${host}, or 0.0.0.0 for all`;
    default:
      return errorCode(thrown);
  }
}

/** Whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);

export function originOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** Whether a Host header names this machine by its address: another name may be that of a web page. */
export function isLoopbackName(host: string): boolean {
  const [, name = ""] = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host) ?? [];
  return name === "" || isLoopback(name.replace(/^\[|\]$/g, "").toLowerCase());
}
