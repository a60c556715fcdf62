import { describeError } from "@waybill/core";
import type { BodyTransfer } from "../push/body-transfer.ts";
import { PushRefused } from "../push/push-refused.ts";
import { incomplete, tooLarge, tooSlow } from "./body-reader.ts";
import type { Endpoint } from "./endpoint.ts";
import { rawBodyOf, unusableRawBody } from "./host-raw-body.ts";

/** What a `Request` does not contain. */
export interface FetchFrom {
  /** The address of the socket's other end, or "unix". Omitted: not known, so no entry of `allowIps` matches. */
  readonly peer?: string;
}

/** Returns the endpoint as a function from `Request` to `Response`, with the endpoint's own methods on it. */
export function asFetch(endpoint: Endpoint): Endpoint & ((request: Request, from?: FetchFrom) => Promise<Response>) {
  return Object.assign((request: Request, from: FetchFrom = {}) => respond(endpoint, request, from), endpoint);
}

async function respond(endpoint: Endpoint, request: Request, from: FetchFrom): Promise<Response> {
  const { status, headers, body } = await endpoint.receive({
    method: request.method,
    path: new URL(request.url).pathname,
    headers: Object.fromEntries(request.headers),
    peer: from.peer ?? null,
    read: (maxBytes, timeoutMs, transfer) => readAll(request, maxBytes, timeoutMs, transfer),
    onDisconnect(listener) {
      if (request.signal.aborted) listener();
      else request.signal.addEventListener("abort", listener, { once: true });
    },
  });
  return new Response(body, { status, headers });
}

async function readAll(request: Request, maxBytes: number, timeoutMs: number, transfer: BodyTransfer): Promise<Buffer> {
  const kept = rawBodyOf(request);
  if (kept !== null) {
    transfer.received(kept.length);
    if (kept.length > maxBytes) throw tooLarge(maxBytes);
    return kept;
  }
  const { body, bodyUsed } = request;
  if (bodyUsed || body?.locked) throw unusableRawBody(request) ?? new PushRefused(500, "BODY_GONE", READ_BEFORE);
  if (body === null) return Buffer.alloc(0);
  const reader = body.getReader();
  let refused: PushRefused | null = null;
  const stop = (why: PushRefused): void => {
    refused ??= why;
    // If the stream cannot be cancelled, the response is the same.
    void Promise.allSettled([reader.cancel(why)]);
  };
  transfer.onDrop(stop);
  const timer = setTimeout(() => stop(tooSlow(timeoutMs)), timeoutMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const chunk: Uint8Array = next.value;
      bytes += chunk.length;
      transfer.received(chunk.length);
      if (bytes > maxBytes) stop(tooLarge(maxBytes));
      else chunks.push(chunk);
    }
  } catch (thrown) {
    throw refused ?? incomplete(describeError(thrown));
  } finally {
    clearTimeout(timer);
  }
  if (refused) throw refused;
  return Buffer.concat(chunks);
}

const READ_BEFORE = "the body was read before this endpoint; call the endpoint first, or pass it a `request.clone()`";
