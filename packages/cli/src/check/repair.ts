import type { EnvelopeError } from "@waybill/core";

type Fields = Record<string, unknown>;

/** A valid value for each field of the spec, which replaces an invalid one. */
const SAMPLES: Readonly<Fields> = {
  spec: "waybill/1",
  id: "00000000-0000-7000-8000-000000000000",
  type: "a",
  queue: "a",
  args: [],
  created_at: "1970-01-01T00:00:00Z",
  source: "a",
  scheduled_at: "1970-01-01T00:00:00Z",
  expires_at: "9999-12-31T23:59:59.999Z",
  priority: 0,
  timeout: 1,
  retry: {},
  dedupe: { key: "a" },
  schema: "a:b",
  meta: {},
  specversion: "1.0",
};

/** Returns the text without the fault, so that other faults can be found; null if the rest cannot be checked. */
export function repaired(text: string, { envelopeCode, pointer }: EnvelopeError): string | null {
  if (envelopeCode === "SPEC_UNSUPPORTED") return null;
  const fields = objectIn(text);
  const [name, ...path] = stepsOf(pointer);
  if (fields === null) return null;
  // JSON.parse has kept one of the two members.
  if (envelopeCode === "JSON_DUPLICATE_KEY") return JSON.stringify(fields);
  if (name === undefined) return null;
  if (!repairWithin(fields, name, path)) repairField(fields, name);
  return JSON.stringify(fields);
}

function objectIn(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function stepsOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function repairField(fields: Fields, name: string): void {
  if (Object.hasOwn(SAMPLES, name)) fields[name] = SAMPLES[name];
  else for (const key of keysLike(fields, name)) delete fields[key];
}

/** Repairs a member of `retry`, `dedupe` or `meta` and keeps the others. Returns whether it did. */
function repairWithin(fields: Fields, name: string, [member, ...deeper]: readonly string[]): boolean {
  const parent = fields[name];
  if (member === undefined || !isObject(parent) || !["retry", "dedupe", "meta"].includes(name)) return false;
  if (name === "dedupe" && member === "key") parent["key"] = "a";
  else {
    const keys = keysLike(parent, member);
    if (keys.length === 0) return false;
    const list = parent[member];
    // Each entry of a list of names is checked by itself, so one entry is repaired.
    if (deeper.length === 1 && Array.isArray(list)) list[Number(deeper[0])] = "a";
    else for (const key of keys) delete parent[key];
  }
  return true;
}

/** Returns the keys that a pointer may mean: it contains only the first 64 characters of an unknown name. */
function keysLike(fields: Fields, name: string): string[] {
  if (Object.hasOwn(fields, name)) return [name];
  return Object.keys(fields).filter((key) => name.length >= 64 && key.startsWith(name.replace(/…$/u, "")));
}
