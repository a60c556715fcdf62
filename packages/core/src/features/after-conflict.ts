import { WaybillError } from "../errors.ts";
import { pause } from "../time/pause.ts";

const LONGEST_MS = 40;
/** About two seconds of tries. */
const MOST = 100;

/**
 * Waits before a change of the ledger that conflicted is tried again: longer after each conflict and by chance, so that processes
 * that change the same record do not meet again. `before` is the number of conflicts before this one. Rejects
 * `BACKEND_UNAVAILABLE` after 100 conflicts.
 */
export async function afterConflict(key: string, before: number): Promise<void> {
  if (before >= MOST - 1)
    throw new WaybillError(
      "BACKEND_UNAVAILABLE",
      `the ledger record "${key}" could not be changed: ${MOST} tries conflicted`,
    );
  await pause(Math.random() * Math.min(5 * 2 ** before, LONGEST_MS));
}
