import { MAX_DEPTH, MAX_VALUES } from "./limits.ts";

/**
 * Reports whether `JSON.stringify` certainly writes the value so that a reader gets the same members and values, within
 * the limits of count and depth. False decides nothing: the text must be parsed then. Strings are not examined.
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
  // A `toJSON`, own or inherited, may write anything.
  if ("toJSON" in value) return false;
  if (Array.isArray(value)) {
    // The loop goes by index, so that it finds holes, which would be written as null.
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
