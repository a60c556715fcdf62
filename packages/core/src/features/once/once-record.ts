import type { LedgerRecord } from "../../backend/ledger.ts";
import { DeadLetter } from "../../job/handler-errors.ts";
import { errorMessage } from "../../values/thrown.ts";
import { damagedRecord, parsedValue } from "../record-value.ts";

/** What is known of one key: a run that has not ended, or its result. */
export type OnceRecord =
  | { readonly state: "reserved"; readonly by: string }
  /** `result` is missing where `fn` returned nothing. */
  | { readonly state: "done"; readonly result?: unknown }
  /** `fn` has run, and its result could not be stored. */
  | { readonly state: "unstored"; readonly why: string };

/** A record of a ledger has 64 KiB at most; the rest is for what surrounds the result. */
const MOST_BYTES = 65_000;

export const reservationText = (by: string): string => JSON.stringify({ state: "reserved", by });

/** Returns the text of a result. A result that cannot be stored has an `unstored` text, so that `fn` is not run again. */
export function resultText(result: unknown): { readonly text: string; readonly why: string | null } {
  const fault = faultOf(result);
  if (fault === null) return { text: JSON.stringify({ state: "done", result }), why: null };
  return { text: JSON.stringify({ state: "unstored", why: fault }), why: fault };
}

function faultOf(result: unknown): string | null {
  if (result === undefined) return null;
  try {
    const text = JSON.stringify(result) as string | undefined;
    if (text === undefined) return `it is a ${typeof result}, which is no JSON`;
    const bytes = Buffer.byteLength(text);
    return bytes <= MOST_BYTES ? null : `it has ${bytes} bytes, and ${MOST_BYTES} can be stored`;
  } catch (thrown) {
    return `it is no JSON: ${errorMessage(thrown)}`.slice(0, 300);
  }
}

/** Reads a record. Throws `DEAD_LETTERED` for a damaged one: whether `fn` has run is unknown. */
export function parseOnce(record: LedgerRecord): OnceRecord {
  const value = parsedValue(record);
  if (value.state === "done") return { state: "done", result: value.result };
  if (value.state === "unstored") return { state: "unstored", why: String(value.why) };
  if (value.state === "reserved") return { state: "reserved", by: String(value.by) };
  throw damagedRecord(record);
}

/** The error of a key whose result is not stored: a dead letter at once, since further attempts could only fail in the same way. */
export function notStoredResult(key: string, why: string): DeadLetter {
  const remedy = "return a small JSON value, such as an id, and keep the rest elsewhere";
  return new DeadLetter(`once("${key}") has run, and its result cannot be stored: ${why}; ${remedy}`);
}
