import type { Buffer } from "node:buffer";
import { textOf } from "../push/body-text.ts";
import { PushRefused } from "../push/push-refused.ts";

/** The JSON object in which a carrier wraps a job. The envelope inside is left to the envelope's parser. */
export type JsonWrapper = Readonly<Record<string, unknown>>;

/** Parses the body as a JSON object. Throws 400 `CARRIER_INVALID` for anything else. */
export function wrapperOf(body: Buffer): JsonWrapper {
  const value = parsed(textOf(body));
  if (isObject(value)) return value;
  throw malformed("the body is no JSON object");
}

/** Returns a member's own value; undefined if it is absent. */
export function member(object: JsonWrapper, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Returns a member's text; null if it is absent or anything else. */
export function textIn(object: JsonWrapper, name: string): string | null {
  const value = member(object, name);
  return typeof value === "string" ? value : null;
}

export function isObject(value: unknown): value is JsonWrapper {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns undefined for text that is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function malformed(why: string): PushRefused {
  return new PushRefused(400, "CARRIER_INVALID", why);
}
