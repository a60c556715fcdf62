import { describeError } from "@waybill/core";
import { brokenOff, tooLarge, tooSlow } from "./body-reader.ts";
import { PushRefused } from "./problem.ts";
import type { Door } from "./door.ts";
import type { Reading } from "./reading.ts";

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
    read: (maxBytes, timeoutMs, reading) => readAll(request, maxBytes, timeoutMs, reading),
    onGone(listener) {
      if (request.signal.aborted) listener();
      else request.signal.addEventListener("abort", listener, { once: true });
    },
  });
  return new Response(body, { status, headers });
}

async function readAll(request: Request, maxBytes: number, timeoutMs: number, reading: Reading): Promise<Buffer> {
  const { body, bodyUsed } = request;
  if (bodyUsed || body?.locked) throw new PushRefused(500, "BODY_GONE", READ_BEFORE);
  if (body === null) return Buffer.alloc(0);
  const reader = body.getReader();
  let refused: PushRefused | null = null;
  const giveUp = (why: PushRefused): void => {
    refused ??= why;
    // A stream that cannot even be given up changes nothing of the answer.
    void Promise.allSettled([reader.cancel(why)]);
  };
  reading.onDrop(giveUp);
  const timer = setTimeout(() => giveUp(tooSlow(timeoutMs)), timeoutMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const chunk: Uint8Array = next.value;
      bytes += chunk.length;
      reading.received(chunk.length);
      if (bytes > maxBytes) giveUp(tooLarge(maxBytes));
      else chunks.push(chunk);
    }
  } catch (thrown) {
    throw refused ?? brokenOff(describeError(thrown));
  } finally {
    clearTimeout(timer);
  }
  if (refused) throw refused;
  return Buffer.concat(chunks);
}

const READ_BEFORE = "something before this door read the body; give the door the request first, or a `request.clone()`";
