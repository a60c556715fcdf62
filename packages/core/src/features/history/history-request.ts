import type { Ledger } from "../../backend/ledger.ts";
import { monotonicMs, wallMs } from "../../time/clock.ts";
import { ledgerKey } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";

/** The record that makes workers keep the history: a process has read it within the last 8 days. */
export const HISTORY_REQUEST_KEY: string = ledgerKey("history", "request");

const KEPT_MS = 8 * 86_400_000;
const RENEW_MS = 3_600_000;

/** By ledger: when the record was renewed last, and since when it is there. */
const renewed = new WeakMap<Ledger, { readonly at: number; readonly since: number }>();

/** Requests the history of the workers, for 8 days from now on. Returns since when it is, in Unix milliseconds. */
export async function requestHistory(ledger: Ledger): Promise<number> {
  const known = renewed.get(ledger);
  if (known !== undefined && monotonicMs() - known.at < RENEW_MS) return known.since;
  const [record = null] = await ledger.read([HISTORY_REQUEST_KEY]);
  const { since = null } = record === null ? {} : parsedValue(record);
  const began = typeof since === "number" ? since : wallMs();
  const value = JSON.stringify({ since: began });
  // Two processes that begin at once differ by moments.
  await ledger.commit([{ key: HISTORY_REQUEST_KEY, ifVersion: "any", value, expiresInMs: KEPT_MS }]);
  renewed.set(ledger, { at: monotonicMs(), since: began });
  return began;
}
