import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Dashboard } from "../dashboard.ts";

/** A listener for `createServer`, and middleware for Express and Nest. */
export type DashboardListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Returns a dashboard as a listener of `node:http`, which is also middleware: `app.use("/jobs", dashboardListener(dashboard))`
 * with `path: "/jobs"` among its options. Mount it before body parsers. Never throws.
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
  const response = await dashboard(request);
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  // A reader that is gone ends the stream behind it, and is no error.
  await pipeline(Readable.fromWeb(response.body as never), outgoing).catch(() => undefined);
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
      ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }),
    } as RequestInit);
  } catch {
    return null;
  }
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return pairs;
}
