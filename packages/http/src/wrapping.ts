import type { Buffer } from "node:buffer";
import { PushRefused } from "./problem.ts";
import { textOf } from "./text.ts";

/** The JSON object that a carrier wraps a job in. Its own: the envelope within is for the envelope's parser. */
export type Wrapping = Readonly<Record<string, unknown>>;

/** Throws `CARRIER_INVALID` for what is no JSON object. */
export function wrappingOf(body: Buffer): Wrapping {
  const value = parsed(textOf(body));
  if (isObject(value)) return value;
  throw malformed("the body is no JSON object");
}

/** A member's own value; undefined when it is absent. */
export function member(object: Wrapping, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A member's text; null when it is absent or anything else. */
export function textIn(object: Wrapping, name: string): string | null {
  const value = member(object, name);
  return typeof value === "string" ? value : null;
}

export function isObject(value: unknown): value is Wrapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for what is no JSON. */
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
