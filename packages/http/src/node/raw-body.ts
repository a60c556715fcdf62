import type { IncomingMessage } from "node:http";
import { brokenOff, tooLarge, tooSlow } from "../body-reader.ts";
import { PushRefused } from "../problem.ts";
import type { Reading } from "../reading.ts";

const rawBodies = new WeakMap<object, Buffer>();

/**
 * For body parsers that come before a door. `express.json({ verify: keepRawBody })`. Without it a parsed
 * body is written out again, which is the same bytes only if its sender wrote them as `JSON.stringify` does; the
 * signature tells.
 */
export function keepRawBody(request: IncomingMessage, _response: unknown, body: Buffer): void {
  rawBodies.set(request, body);
}

/** Whether a parser before us read the body and kept nothing but what it made of it. */
export function isRewritten(request: IncomingMessage): boolean {
  return (
    !isEmpty(request) &&
    (request.readableDidRead || request.readableEnded) &&
    !rawBodies.has(request) &&
    !("body" in request && Buffer.isBuffer(request.body))
  );
}

/** The body's bytes: off the socket, or what a parser before us has kept or can be written out again from. */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  reading: Reading,
): Promise<Buffer> {
  if (isEmpty(request)) return Buffer.alloc(0);
  const kept = rawBodies.get(request) ?? parsedBefore(request);
  if (kept === null) return readSocket(request, maxBytes, timeoutMs, reading);
  if (kept.length > maxBytes) throw tooLarge(maxBytes);
  return kept;
}

/** Parsers make an empty object of what has no bytes. */
function isEmpty({ headers }: IncomingMessage): boolean {
  return headers["content-length"] === "0";
}

/** Null when nobody has read it yet. */
function parsedBefore(request: IncomingMessage): Buffer | null {
  if (!request.readableDidRead && !request.readableEnded) return null;
  // Express 4 sets an empty object where nothing was parsed.
  const parsed: unknown = "body" in request ? request.body : undefined;
  if (Buffer.isBuffer(parsed)) return parsed;
  if (typeof parsed === "string") return Buffer.from(parsed);
  if (typeof parsed === "object" && parsed !== null) return Buffer.from(JSON.stringify(parsed));
  throw new PushRefused(500, "BODY_GONE", "something before this door read the body; mount the door first");
}

function readSocket(request: IncomingMessage, maxBytes: number, timeoutMs: number, reading: Reading): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let timer: NodeJS.Timeout | null = null;
    let isOver = false;
    // Most bodies come in one piece with their headers, and need no clock.
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
      // Nobody reads the rest, but it must not stand in the way of the answer.
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      reading.received(chunk.length);
      if (bytes > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const onBreak = (): void => fail(brokenOff("the sender has gone"));
    if (request.destroyed) return onBreak();
    reading.onDrop(fail);
    request.on("data", onData).on("end", onEnd).on("error", onBreak).on("close", onBreak);
    return undefined;
  });
}
