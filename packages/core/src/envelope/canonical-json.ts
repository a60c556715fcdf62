import type { JsonValue } from "./envelope.ts";

/**
 * Serialises JSON by RFC 8785: equal values have one text. It serves hashes and sizes; signatures cover the sent bytes
 * instead. `JSON.stringify` writes scalars as the RFC requires; keys are sorted by UTF-16 units, which is how
 * JavaScript compares.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .toSorted(byUnits)
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function byUnits(left: string, right: string): number {
  return left < right ? -1 : 1;
}
