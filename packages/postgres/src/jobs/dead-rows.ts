import type { Query } from "../connection/query.ts";

/** Dead entries that a lease may pass over. */
const MOST_DEAD = 10_000;
/** A vacuum reads the whole table, so it is not repeated before this. */
const PAUSE_MS = 30_000;

/**
 * Vacuums the jobs once many were set aside: the index of ready jobs then begins with dead entries, which every lease reads until
 * the server's own vacuum comes, a minute later perhaps. Returns a function that is called after each lease with the number of jobs
 * that it set aside, null for one that is not to be repeated. It never rejects: a user who may not vacuum, or a transaction that
 * holds dead rows back, costs time only.
 */
export function createVacuum(query: Query, schema: string): (setAside: number | null) => void {
  let count = 0;
  let lastAt = -Infinity;

  return (setAside) => {
    count += setAside ?? 0;
    if (setAside !== null || count < MOST_DEAD || performance.now() - lastAt < PAUSE_MS) return;
    count = 0;
    lastAt = performance.now();
    // Waits for no other vacuum, and locks out no statement of ours.
    query(`VACUUM (SKIP_LOCKED, TRUNCATE off) "${schema}".jobs`).catch(() => undefined);
  };
}
