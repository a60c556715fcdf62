import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Dashboard } from "../dashboard.ts";
import { sentAsIs } from "../page/sent-as-is.ts";
import { endWithServer } from "./end-with-server.ts";

/** A listener for `createServer`, and middleware for Express and Nest. */
export type DashboardListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Returns a dashboard as a listener of `node:http`, which is also middleware: `app.use("/jobs", dashboardListener(dashboard))`
 * with `path: "/jobs"` among its options. It may be mounted before a body parser or after one. Never throws.
 */
export function dashboardListener(dashboard: Dashboard): DashboardListener {
  return (request, response) => {
    handle(dashboard, request, response).catch(() => response.destroy());
  };
}

async function handle(dashboard: Dashboard, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const request = requestOf(incoming);
  if (request === null) {
    outgoing.writeHead(400).end();
    return;
  }
  sentAsIs.add(request);
  const response = await dashboard(request);
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const server = endWithServer(incoming.socket);
  // A reader that is gone ends the stream behind it, and is no error. Nor is a server that closes.
  await pipeline(Readable.fromWeb(response.body as never), outgoing, server).catch(() => undefined);
  server.stop();
}

/** Returns null for a request whose URL or headers make no `Request`. */
function requestOf(incoming: IncomingMessage): Request | null {
  const { method = "GET", headers } = incoming;
  // Express removes the mount path from `url`.
  const path = "originalUrl" in incoming ? String(incoming.originalUrl) : (incoming.url ?? "/");
  const isSecure = "encrypted" in incoming.socket;
  const hasBody = method !== "GET" && method !== "HEAD";
  try {
    const url = new URL(`${isSecure ? "https" : "http"}://${headers.host ?? "localhost"}`);
    if (!path.startsWith("/")) return null;
    return new Request(`${url.origin}${path}`, {
      method,
      headers: pairsOf(incoming.rawHeaders),
      ...(hasBody && { body: bodyOf(incoming), duplex: "half" }),
    } as RequestInit);
  } catch {
    return null;
  }
}

/**
 * Returns the body as it comes, or what a parser in front has made of it: a body that has been read, as by `express.json()` or in a
 * Cloud Function, does not come again. No signature covers its bytes.
 */
function bodyOf(incoming: IncomingMessage): ReadableStream | Uint8Array | string {
  if (!incoming.readableDidRead) return Readable.toWeb(incoming) as ReadableStream;
  const { body = null } = incoming as { readonly body?: unknown };
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  return body === null ? "" : JSON.stringify(body);
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return pairs;
}
