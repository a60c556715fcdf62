import { MAX_DEPTH, MAX_VALUES } from "./limits.ts";

/**
 * Whether `JSON.stringify` surely writes the value so that a reader finds the same members and values, as few and as
 * shallow as a reader takes. False is no verdict: the text has to be read. Strings are not looked into.
 */
export function isPlain(value: unknown): boolean {
  return walk(value, 1, { values: 0 });
}

function walk(value: unknown, depth: number, census: { values: number }): boolean {
  if (++census.values > MAX_VALUES) return false;
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
    case "object":
      return value === null || (depth <= MAX_DEPTH && walkInto(value, depth, census));
    default:
      return false;
  }
}

function walkInto(value: object, depth: number, census: { values: number }): boolean {
  // A `toJSON`, own or inherited, decides by itself what is written.
  if ("toJSON" in value) return false;
  if (Array.isArray(value)) {
    // By index, so that a hole, which would be written as null, is seen.
    for (let index = 0; index < value.length; index++) {
      if (!walk(value[index], depth + 1, census)) return false;
    }
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key of Object.keys(value)) {
    if (!walk((value as Record<string, unknown>)[key], depth + 1, census)) return false;
  }
  return true;
}
