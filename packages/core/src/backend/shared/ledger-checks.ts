import { describeValue } from "../../known-options.ts";
import type { LedgerChange } from "../ledger.ts";
import { configInvalid, wholeNumber } from "./option-checks.ts";

/** Most keys of one `read`, changes of one `commit` and records of one `list` or `due`. */
export const MOST_LEDGER_ITEMS = 1_000;
/** Longest key, in characters. */
export const LONGEST_LEDGER_KEY = 512;
/** Largest value, in bytes of UTF-8. */
export const LARGEST_LEDGER_VALUE = 65_536;

/** A thousand years: what every store can add to its clock. */
const LONGEST_MS = 1_000 * 365 * 86_400_000;

const PRINTABLE = /^[!-~]*$/;

/** Throws `CONFIG_INVALID` for more than 1,000 keys, and for one that no ledger takes. */
export function assertLedgerKeys(keys: readonly string[]): void {
  assertCount(keys.length, "keys");
  for (const key of keys) assertKey("a key", key);
}

/** Throws `CONFIG_INVALID` for changes that no ledger takes, and for two changes of one key. */
export function assertLedgerChanges(changes: readonly LedgerChange[]): void {
  assertCount(changes.length, "changes");
  const seen = new Set<string>();
  for (const change of changes) {
    const { key, ifVersion, value } = change;
    assertKey("a key", key);
    if (seen.has(key)) {
      throw configInvalid(`ledger: a commit changes the key ${describeValue(key)} twice; make one change of the two`);
    }
    seen.add(key);
    if (ifVersion !== "absent" && ifVersion !== "any") {
      const why = ', "absent" or "any"';
      wholeNumber(`ledger: ifVersion of ${describeValue(key)}`, ifVersion, { least: 1, why });
    }
    if (value !== null) assertValue(key, value);
    if (change.dueInMs !== undefined) assertTime("dueInMs", key, change.dueInMs, 0);
    if (change.expiresInMs !== undefined) assertTime("expiresInMs", key, change.expiresInMs, 1);
  }
}

/** Throws `CONFIG_INVALID` for a range that no ledger takes. */
export function assertLedgerRange(range: {
  readonly prefix: string;
  readonly after?: string | undefined;
  readonly limit: number;
}): void {
  if (range.prefix !== "") assertKey("a prefix", range.prefix);
  if (range.after !== undefined) assertKey("after", range.after);
  wholeNumber("ledger: limit", range.limit, { least: 1, most: MOST_LEDGER_ITEMS, why: "; ask for the next page" });
}

function assertCount(count: number, what: string): void {
  if (count <= MOST_LEDGER_ITEMS) return;
  throw configInvalid(`ledger: ${count} ${what} in one call; split them into calls of at most ${MOST_LEDGER_ITEMS}`);
}

function assertKey(what: string, key: unknown): void {
  if (typeof key === "string" && key.length >= 1 && key.length <= LONGEST_LEDGER_KEY && PRINTABLE.test(key)) return;
  const length = typeof key === "string" && key.length > LONGEST_LEDGER_KEY ? ` (${key.length} characters)` : "";
  throw configInvalid(
    `ledger: ${what} is ${describeValue(key)}${length}: 1 to ${LONGEST_LEDGER_KEY} characters of printable ASCII ` +
      "without blanks, such as schedule/nightly; ledgerKey encodes any text",
  );
}

function assertValue(key: string, value: unknown): void {
  const whose = `ledger: the value of ${describeValue(key)}`;
  if (typeof value !== "string") throw configInvalid(`${whose} is ${describeValue(value)}: a text, or null to delete`);
  // UTF-8 takes at most three bytes a UTF-16 unit: most need no count.
  const bytes = value.length * 3 <= LARGEST_LEDGER_VALUE ? 0 : Buffer.byteLength(value);
  if (bytes > LARGEST_LEDGER_VALUE) {
    throw configInvalid(`${whose} has ${bytes} bytes, the limit is ${LARGEST_LEDGER_VALUE}; split it into records`);
  }
  if (value.includes("\0") || !value.isWellFormed()) {
    throw configInvalid(
      `${whose} has U+0000 or half of a surrogate pair, which not every store keeps; write it as JSON`,
    );
  }
}

function assertTime(name: string, key: string, ms: unknown, least: number): void {
  if (typeof ms === "number" && ms >= least && ms <= LONGEST_MS) return;
  throw configInvalid(
    `ledger: ${name} of ${describeValue(key)} is ${describeValue(ms)}: milliseconds from ${least} to ${LONGEST_MS}; ` +
      "leave it out for never",
  );
}
