import type { LedgerRecord } from "../backend/ledger.ts";
import { DeadLetter } from "../job/handler-errors.ts";

/** The members of a record's value. All may be missing or of any type. */
export type RecordValue = Readonly<Record<string, unknown>>;

/** Parses the value of a record, a JSON object or list. One that is neither has no members: it is damaged, or another program wrote it. */
export function parsedValue({ value }: Pick<LedgerRecord, "value">): RecordValue {
  try {
    return Object(JSON.parse(value)) as RecordValue;
  } catch {
    return {};
  }
}

/** The error for a damaged record that may not count as absent. A job that meets it is a dead letter, and can be replayed. */
export function damagedRecord({ key, value }: Pick<LedgerRecord, "key" | "value">): DeadLetter {
  const text = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return new DeadLetter(`the ledger record "${key}" is damaged: ${text}; delete it, then enqueue or replay the job`);
}
