import { PushRefused } from "./problem.ts";
import type { Answer, Push } from "./push.ts";

/** What a `Request` does not tell. */
export interface FetchFrom {
  /** The socket's other end: an address or "unix". Absent: not known, which no rule of `allowPeers` admits. */
  readonly peer?: string;
}

/** The same as on `node:http`, for runtimes and frameworks that speak `Request` and `Response`. */
export async function answerFetch(
  receive: (push: Push) => Promise<Answer>,
  request: Request,
  from: FetchFrom = {},
): Promise<Response> {
  const { status, headers, body } = await receive({
    method: request.method,
    path: new URL(request.url).pathname,
    headers: Object.fromEntries(request.headers),
    peer: from.peer ?? null,
    read: (maxBytes, timeoutMs) => readAll(request, maxBytes, timeoutMs),
    onGone: (listener) => request.signal.addEventListener("abort", listener, { once: true }),
  });
  return new Response(body, { status, headers });
}

async function readAll(request: Request, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  if (request.body === null) return Buffer.alloc(0);
  const reader = request.body.getReader();
  const late = new PushRefused(408, "BODY_TIMEOUT", `the body was not whole after ${timeoutMs} ms`);
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
      if (bytes > maxBytes) throw new PushRefused(413, "BODY_TOO_LARGE", `the body has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof PushRefused) throw thrown;
    throw isLate ? late : new PushRefused(400, "BODY_INCOMPLETE", `the body broke off: ${String(thrown)}`);
  } finally {
    clearTimeout(timer);
  }
  if (isLate) throw late;
  return Buffer.concat(chunks);
}
