import type { Ledger, LedgerRecord } from "../../backend/ledger.ts";
import { SCHEDULES } from "./schedule-state.ts";

/** The most schedules that are fired together. */
export const MOST_DUE = 200;

/**
 * Calls `fire` with the records of schedules that are due: the 200 that are due longest. It returns how many of them stay due, since
 * they cannot be read or planned. If there are any among 200, it is called with all that are due behind them as well, so that
 * those stop no others. Rejects as `fire` and the ledger do.
 */
export async function eachDue(
  ledger: Pick<Ledger, "due" | "list">,
  fire: (due: readonly LedgerRecord[]) => Promise<number>,
): Promise<void> {
  const first = await ledger.due({ prefix: SCHEDULES, limit: MOST_DUE });
  const stuck = await fire(first);
  if (stuck === 0 || first.length < MOST_DUE) return;
  const seen = new Set(first.map(({ key }) => key));
  for (let after: string | undefined, isLast = false; !isLast;) {
    const range = { prefix: SCHEDULES, limit: MOST_DUE, ...(after !== undefined && { after }) };
    const page = await ledger.list(range);
    const due = page.filter(({ key, dueInMs }) => dueInMs !== null && dueInMs <= 0 && !seen.has(key));
    if (due.length > 0) await fire(due);
    isLast = page.length < MOST_DUE;
    after = page.at(-1)?.key;
  }
}
