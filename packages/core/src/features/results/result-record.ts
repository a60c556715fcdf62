import type { StoredJob } from "../../backend/job-control.ts";
import type { LedgerChange, LedgerRecord } from "../../backend/ledger.ts";
import type { JsonValue } from "../../envelope/index.ts";
import type { Outcome } from "../../job/outcome.ts";
import { numberOf } from "../../backend/foreign-records.ts";
import { type ErrorRecord, parseError } from "../../values/error-record.ts";
import { ledgerKey } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";

/** How a job ended, as it is kept for `jobs.result`. */
export type KeptEnd =
  /** `result` is missing where the handler returned nothing. */
  | { readonly state: "completed"; readonly result?: JsonValue }
  | { readonly state: "dead"; readonly code: string; readonly message: string; readonly error?: ErrorRecord }
  /** Removed while it waited. `enqueuedAt` is as its store had it: the next job of its id has another time; null where the store has none. */
  | { readonly state: "cancelled"; readonly enqueuedAt: number | null };

/** A record has 64 KiB at most. An error with longer stacks is kept without them. */
const MOST_ERROR = 40_000;

export const resultKey = (id: string): string => ledgerKey("result", id);

/** Returns the write that keeps the end of a job; null for an outcome that does not end it. */
export function endChange(id: string, outcome: Outcome, keepMs: number): LedgerChange | null {
  const value = endText(outcome);
  return value === null ? null : { key: resultKey(id), ifVersion: "any", value, expiresInMs: keepMs, notify: true };
}

/** As long as a result is kept by default. */
const CANCEL_KEPT_MS = 3_600_000;

/** Returns the write that keeps that a waiting job was cancelled. */
export const cancelledChange = ({ id, enqueuedAt }: Pick<StoredJob, "id" | "enqueuedAt">): LedgerChange => ({
  key: resultKey(id),
  ifVersion: "any",
  value: JSON.stringify({ state: "cancelled", enqueuedAt }),
  expiresInMs: CANCEL_KEPT_MS,
  notify: true,
});

function endText(outcome: Outcome): string | null {
  if (outcome.kind === "completed") {
    return outcome.result === undefined ? '{"state":"completed"}' : `{"state":"completed","result":${outcome.result}}`;
  }
  if (outcome.kind !== "dead") return null;
  const { code, message, error } = outcome.reason;
  const end = { state: "dead", code, message };
  const whole = JSON.stringify({ ...end, error });
  return Buffer.byteLength(whole) <= MOST_ERROR ? whole : JSON.stringify(end);
}

/** Reads a record. Null for one that is damaged. */
export function parseEnd(record: Pick<LedgerRecord, "value">): KeptEnd | null {
  const { state, result, code, message, error, enqueuedAt } = parsedValue(record);
  if (state === "completed") return { state, ...(result !== undefined && { result: result as JsonValue }) };
  if (state === "cancelled") return { state, enqueuedAt: numberOf(enqueuedAt) };
  if (state !== "dead") return null;
  const found = parseError(error);
  return { state, code: String(code), message: String(message), ...(found && { error: found }) };
}
