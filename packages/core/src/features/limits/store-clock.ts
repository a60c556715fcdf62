import type { Ledger, LedgerRecord } from "../../backend/ledger.ts";
import { monotonicMs } from "../../time/clock.ts";
import { ledgerKey } from "../ledger-key.ts";

/**
 * The clock of a ledger's store, read from how long a record of the distant future is not due yet. All workers read the same
 * record, so their times can be compared. A read takes time, so the clock is known as a range.
 */
export interface StoreClock {
  /** Identifies the record: times of another one mean nothing. */
  readonly id: number;
  /** The earliest and the latest time that the store may have now. */
  earliest(): number;
  latest(): number;
}

/** The key of the record. Read it together with others, so that its time is theirs. */
export const CLOCK_KEY: string = ledgerKey("rate", ":clock");

/** Thirty years. */
const HORIZON_MS = 1e12;
/** A range that was measured longer ago is not used to narrow a new one: clocks drift and are set. */
const FRESH_MS = 10_000;

/** Keeps the narrowest range of the last reads. */
export class StoreClockReader {
  #last: { id: number; low: number; high: number; at: number } | null = null;

  /** Takes in a read that began at `askedAt`, in monotonic milliseconds. Null: there is no record yet, or it was not readable. */
  read(record: LedgerRecord | null, askedAt: number): StoreClock | null {
    const dueInMs = record?.dueInMs ?? null;
    if (record === null || dueInMs === null) return null;
    const at = monotonicMs();
    const now = HORIZON_MS - dueInMs;
    // What must be added to this process's clock: at least as if the store had read its own at the end, at most at the beginning.
    const fresh = { id: record.version, low: now - at, high: now - askedAt, at };
    const last = this.#last;
    const isUsable = last !== null && last.id === fresh.id && at - last.at < FRESH_MS;
    const low = isUsable ? Math.max(last.low, fresh.low) : fresh.low;
    const high = isUsable ? Math.min(last.high, fresh.high) : fresh.high;
    const isNarrower = isUsable && low <= high && (low > fresh.low || high < fresh.high);
    this.#last = isNarrower ? { id: fresh.id, low, high, at: last.at } : fresh;
    const kept = this.#last;
    return { id: kept.id, earliest: () => monotonicMs() + kept.low, latest: () => monotonicMs() + kept.high };
  }
}

/** Returns the store's time in a record that was just read; null where it cannot be read. */
export function storeTime(record: LedgerRecord | null): number | null {
  const dueInMs = record?.dueInMs ?? null;
  return dueInMs === null ? null : HORIZON_MS - dueInMs;
}

/** Writes the record, unless another process has. `found` is one that could not be read: it is replaced. */
export async function startClock(ledger: Ledger, found: LedgerRecord | null): Promise<void> {
  const ifVersion = found?.version ?? "absent";
  await ledger.commit([{ key: CLOCK_KEY, ifVersion, value: "1", dueInMs: HORIZON_MS }]);
}
