import type { JsonValue } from "../../envelope/index.ts";
import { cut } from "./cut.ts";

/** How a payload is written to its record. */
export interface RedactedPayload {
  /** JSON without what was removed, cut to 16 KiB of characters. */
  readonly text: string;
  /** Removes the same values from another text. */
  readonly hide: (text: string) => string;
}

const LONGEST_PAYLOAD = 16_384;
/** A shorter value is part of too many words. */
const SHORTEST_HIDDEN = 4;
const asIs = (text: string): string => text;

/** Returns a function that writes the arguments of a job. `paths` are counted from each argument; "*" stands for any name or index. */
export function redactor(paths: readonly (readonly string[])[]): (args: readonly JsonValue[]) => RedactedPayload {
  return (args) => {
    const payload = args.length === 1 ? args[0] : args;
    if (paths.length === 0) return { text: cut(JSON.stringify(payload) ?? "null", LONGEST_PAYLOAD), hide: asIs };
    const removed = new Set<string>();
    const copies = structuredClone(args) as JsonValue[];
    for (const path of paths) for (const copy of copies) remove(copy, path, 0, removed);
    const hide = hideAll([...removed].toSorted((one, other) => other.length - one.length));
    const text = hide(JSON.stringify(copies.length === 1 ? copies[0] : copies) ?? "null");
    return { text: cut(text, LONGEST_PAYLOAD), hide };
  };
}

function remove(value: unknown, path: readonly string[], at: number, removed: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  const part = path[at] as string;
  for (const name of part === "*" ? Object.keys(value) : [part]) {
    if (!Object.hasOwn(value, name)) continue;
    const members = value as Record<string, unknown>;
    if (at < path.length - 1) {
      remove(members[name], path, at + 1, removed);
      continue;
    }
    collect(members[name], removed);
    if (Array.isArray(value)) members[name] = null;
    else delete members[name];
  }
}

function collect(value: unknown, removed: Set<string>): void {
  if (typeof value === "object" && value !== null) for (const member of Object.values(value)) collect(member, removed);
  else if (String(value).length >= SHORTEST_HIDDEN && typeof value !== "boolean") removed.add(String(value));
}

const hideAll =
  (values: readonly string[]) =>
  (text: string): string =>
    values.reduce((rest, value) => rest.replaceAll(value, "[redacted]"), text);
