import type { IncomingMessage } from "node:http";
import { incomplete, tooLarge, tooSlow } from "../endpoint/body-reader.ts";
import { rawBodyOf, unusableRawBody } from "../endpoint/host-raw-body.ts";
import type { BodyTransfer } from "../push/body-transfer.ts";
import { PushRefused } from "../push/push-refused.ts";

const rawBodies = new WeakMap<object, Buffer>();

/**
 * Keeps the bytes of a body for an endpoint behind a parser. `express.json({ verify: keepRawBody })`. Without it the endpoint
 * serialises the parsed body again, which has the same bytes only if the sender wrote them as `JSON.stringify` does; the
 * signature shows whether it did.
 */
export function keepRawBody(request: IncomingMessage, _response: unknown, body: Buffer): void {
  rawBodies.set(request, body);
}

/** Returns true if a parser read the body first and did not keep its bytes. */
export function isRewritten(request: IncomingMessage): boolean {
  return !isEmpty(request) && isRead(request) && keptBytes(request) === null;
}

/**
 * Returns the body's bytes, from the socket or from a parser that read them first. Rejects `PushRefused`, as
 * `PushRequest.read`.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  transfer: BodyTransfer,
): Promise<Buffer> {
  if (isEmpty(request)) return Buffer.alloc(0);
  const kept = keptBytes(request) ?? serialisedAgain(request);
  if (kept === null) return readSocket(request, maxBytes, timeoutMs, transfer);
  transfer.received(kept.length);
  if (kept.length > maxBytes) throw tooLarge(maxBytes);
  return kept;
}

/** Parsers make an empty object of an empty body. */
function isEmpty({ headers }: IncomingMessage): boolean {
  return headers["content-length"] === "0";
}

function isRead({ readableDidRead, readableEnded }: IncomingMessage): boolean {
  return readableDidRead || readableEnded;
}

/** Returns the original bytes, if a parser or the host kept them. */
function keptBytes(request: IncomingMessage): Buffer | null {
  const kept = rawBodies.get(request) ?? rawBodyOf(request);
  if (kept !== null) return kept;
  return isRead(request) && "body" in request && Buffer.isBuffer(request.body) ? request.body : null;
}

/** Returns the parsed body as bytes, or null if the body has not been read. Throws 500 `BODY_GONE` if neither is left. */
function serialisedAgain(request: IncomingMessage): Buffer | null {
  if (!isRead(request)) return null;
  const unusable = unusableRawBody(request);
  if (unusable !== null) throw unusable;
  // Express 4 sets an empty object where nothing was parsed.
  const parsed: unknown = "body" in request ? request.body : undefined;
  if (typeof parsed === "string") return Buffer.from(parsed);
  if (typeof parsed === "object" && parsed !== null) return Buffer.from(JSON.stringify(parsed));
  throw new PushRefused(500, "BODY_GONE", "the body was read before this endpoint; mount the endpoint first");
}

function readSocket(
  request: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  transfer: BodyTransfer,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let timer: NodeJS.Timeout | null = null;
    let isOver = false;
    // Most bodies arrive together with their headers and need no timer.
    process.nextTick(() => {
      if (!isOver && !request.complete) timer = setTimeout(() => fail(tooSlow(timeoutMs)), timeoutMs);
    });
    const stop = (): void => {
      isOver = true;
      if (timer !== null) clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", onBreak).off("close", onBreak);
    };
    const fail = (error: PushRefused): void => {
      stop();
      // The rest is discarded: unread bytes would delay the response.
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      transfer.received(chunk.length);
      if (bytes > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const onBreak = (): void => fail(incomplete("the connection was closed"));
    if (request.destroyed) return onBreak();
    transfer.onDrop(fail);
    request.on("data", onData).on("end", onEnd).on("error", onBreak).on("close", onBreak);
    return undefined;
  });
}
