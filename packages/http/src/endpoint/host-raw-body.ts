import { Buffer } from "node:buffer";
import { isUint8Array } from "node:util/types";
import { PushRefused } from "../push/push-refused.ts";

/**
 * Returns the bytes that the host read before our code and left in `request.rawBody`, as Cloud Functions, Firebase and Nest
 * do. Null if it holds no bytes; see `unusableRawBody`.
 */
export function rawBodyOf(request: object): Buffer | null {
  const raw = rawBodyIn(request);
  if (Buffer.isBuffer(raw)) return raw;
  return isUint8Array(raw) ? Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength) : null;
}

/**
 * Returns the refusal for a `rawBody` that holds something other than bytes, or null if there is none. Text is refused too:
 * a signature covers bytes.
 */
export function unusableRawBody(request: object): PushRefused | null {
  const raw = rawBodyIn(request);
  if (raw === undefined || raw === null || isUint8Array(raw)) return null;
  const what = Array.isArray(raw) ? "an array" : typeof raw === "object" ? "an object" : `a ${typeof raw}`;
  const why = `request.rawBody is ${what}; put the body's bytes there, as a Buffer or Uint8Array, or mount the endpoint before what reads the body`;
  return new PushRefused(500, "BODY_GONE", why);
}

function rawBodyIn(request: object): unknown {
  return "rawBody" in request ? request.rawBody : undefined;
}
