import { hash } from "node:crypto";

/** The features that keep records in the ledger. Each keeps its own under one prefix. */
export type LedgerFeature =
  | "unique"
  | "limit"
  | "rate"
  | "schedule"
  | "control"
  | "once"
  | "id"
  | "worker"
  | "queue"
  | "records"
  | "result"
  | "flow"
  | "history";

/** A part is written as it is up to this length, and longer ones by their hash, so that a key of three parts stays under 512 characters. */
const LONGEST_PART = 160;

/**
 * Returns the ledger key of a record: the feature and each part, joined by "/". Parts may be any text: what is not a letter,
 * a digit or one of `. _ - : @` is percent-encoded, and a part that is long then is replaced by `sha256:` and its hash.
 */
export function ledgerKey(feature: LedgerFeature, ...parts: readonly string[]): string {
  return [feature, ...parts.map(encoded)].join("/");
}

/** Returns the prefix of every key that begins with these parts. */
export function ledgerPrefix(feature: LedgerFeature, ...parts: readonly string[]): string {
  return `${ledgerKey(feature, ...parts)}/`;
}

/** What needs no encoding. */
const PLAIN = new RegExp(`^[\\w.:@-]{0,${LONGEST_PART}}$`);

function encoded(part: string): string {
  if (PLAIN.test(part)) return part;
  const text = encodeURIComponent(part.toWellFormed())
    .replaceAll("%3A", ":")
    .replaceAll("%40", "@")
    .replaceAll(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return text.length <= LONGEST_PART ? text : `sha256:${hash("sha256", part, "hex")}`;
}
