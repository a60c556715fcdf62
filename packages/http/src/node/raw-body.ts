import type { IncomingMessage } from "node:http";
import { PushRefused } from "../problem.ts";

const rawBodies = new WeakMap<object, Buffer>();

/**
 * For a body parser that has to come before the receiver: `express.json({ verify: keepRawBody })`. Without it a parsed
 * body is written out again, which is the same bytes only if its sender wrote them as `JSON.stringify` does; the
 * signature tells.
 */
export function keepRawBody(request: IncomingMessage, _response: unknown, body: Buffer): void {
  rawBodies.set(request, body);
}

/** The body's bytes: off the socket, or what a parser before us has kept or can be written out again from. */
export function readBody(request: IncomingMessage, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  const kept = rawBodies.get(request) ?? parsedBefore(request);
  if (kept === null) return readSocket(request, maxBytes, timeoutMs);
  if (kept.length <= maxBytes) return Promise.resolve(kept);
  return Promise.reject(new PushRefused(413, "BODY_TOO_LARGE", `the body has more than ${maxBytes} bytes`));
}

/** Null when nobody has read it yet. */
function parsedBefore(request: IncomingMessage): Buffer | null {
  if (!request.readableEnded && !request.complete) return null;
  const parsed: unknown = "body" in request ? request.body : undefined;
  if (!request.readableEnded && parsed === undefined) return null;
  if (Buffer.isBuffer(parsed)) return parsed;
  if (typeof parsed === "string") return Buffer.from(parsed);
  if (typeof parsed === "object" && parsed !== null) return Buffer.from(JSON.stringify(parsed));
  if (!request.readableDidRead) return null;
  throw new PushRefused(500, "BODY_GONE", "a parser before the receiver read the body; mount the receiver first");
}

function readSocket(request: IncomingMessage, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  const declared = Number(request.headers["content-length"] ?? 0);
  const tooLarge = (): PushRefused =>
    new PushRefused(413, "BODY_TOO_LARGE", `the body has more than ${maxBytes} bytes`);
  if (declared > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(
      () => fail(new PushRefused(408, "BODY_TIMEOUT", `the body was not whole after ${timeoutMs} ms`)),
      timeoutMs,
    );
    const stop = (): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", onBreak).off("close", onBreak);
    };
    const fail = (error: PushRefused): void => {
      stop();
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) fail(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const onBreak = (): void => fail(new PushRefused(400, "BODY_INCOMPLETE", "the sender left before the body's end"));
    request.on("data", onData).on("end", onEnd).on("error", onBreak).on("close", onBreak);
  });
}
