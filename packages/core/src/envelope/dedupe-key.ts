import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonValue } from "./envelope.ts";
import { object } from "./field-rules.ts";

/** The properties that make two jobs equal where they have no key of their own. */
export interface Equality {
  readonly type: string;
  /** Null: equal jobs of different queues have one key. */
  readonly queue: string | null;
  readonly args: readonly JsonValue[];
  /** Only these members of `args[0]` count; a member that it does not have is left out. Omitted: all of `args`. */
  readonly members?: readonly string[];
}

/** Returns the `dedupe.key` of a job: `sha256:` and 64 hexadecimal digits, the same in every language. */
export function dedupeKey({ type, queue, args, members }: Equality): string {
  const decisive = members === undefined ? args : [selected(args[0], members)];
  return `sha256:${hash("sha256", canonicalJson([type, queue, decisive]), "hex")}`;
}

function selected(value: JsonValue | undefined, members: readonly string[]): JsonValue {
  const fields = object(value, "/args/0");
  const present = members.filter((name) => Object.hasOwn(fields, name));
  return Object.fromEntries(present.map((name) => [name, fields[name] as JsonValue]));
}
