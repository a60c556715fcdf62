import { brokenOff, tooLarge, tooSlow } from "./body-reader.ts";
import { PushRefused } from "./problem.ts";
import type { Door } from "./door.ts";

/** What a `Request` does not tell. */
export interface FetchFrom {
  /** The socket's other end: an address or "unix". Absent: not known, which no rule of `allowPeers` admits. */
  readonly peer?: string;
}

/** A door for runtimes and frameworks that speak `Request` and `Response`, with what it offers to `node:http` beside. */
export function asFetch(door: Door): Door & ((request: Request, from?: FetchFrom) => Promise<Response>) {
  return Object.assign((request: Request, from: FetchFrom = {}) => answerFetch(door, request, from), door);
}

async function answerFetch(door: Door, request: Request, from: FetchFrom): Promise<Response> {
  const { status, headers, body } = await door.receive({
    method: request.method,
    path: new URL(request.url).pathname,
    headers: Object.fromEntries(request.headers),
    peer: from.peer ?? null,
    read: (maxBytes, timeoutMs) => readAll(request, maxBytes, timeoutMs),
    onGone(listener) {
      if (request.signal.aborted) listener();
      else request.signal.addEventListener("abort", listener, { once: true });
    },
  });
  return new Response(body, { status, headers });
}

async function readAll(request: Request, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  if (request.body === null) return Buffer.alloc(0);
  const reader = request.body.getReader();
  const late = tooSlow(timeoutMs);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void reader.cancel(late);
  }, timeoutMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const chunk: Uint8Array = next.value;
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof PushRefused) throw thrown;
    throw isLate ? late : brokenOff(String(thrown));
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw late;
  return Buffer.concat(chunks);
}
