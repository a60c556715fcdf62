import type { Rate } from "./limit-numbers.ts";

/**
 * A rate as the generic cell rate algorithm keeps it. A turn is the time at which one job may start. The state of a key is one
 * number, the theoretical arrival time: the turn of the next job if no burst were allowed.
 */
export interface TokenBucket {
  /** Milliseconds between two turns. */
  readonly intervalMs: number;
  /** How many turns may come at once. */
  readonly burst: number;
  /** A job that starts later than this after the turn needs another turn. */
  readonly lateMs: number;
}

/** Of the period, how late a job may start at most where there is no burst to take the lateness from. */
const LATE_SHARE = 0.02;
const MOST_LATE_MS = 250;

/**
 * Computes a bucket that keeps the promise of a rate: in any period no more than `count + burst` start, although each may start
 * up to `lateMs` after the turn. Half of the burst is kept for lateness; without a burst the turns are a little further apart.
 */
export function tokenBucket({ count, perMs, burst }: Rate): TokenBucket {
  const plainMs = perMs / count;
  const lateMs = Math.min(MOST_LATE_MS, Math.max(perMs * LATE_SHARE, Math.floor(burst / 2) * plainMs));
  // Turns whose jobs may all start within one period, without those of the burst.
  const turns = Math.floor((perMs + lateMs) / plainMs + 1e-9);
  const kept = Math.max(1, burst - Math.max(0, turns - count));
  const most = count + burst - kept;
  const intervalMs = turns <= most ? plainMs : Math.max(plainMs, (perMs + lateMs) / (most + 1) + 1e-6);
  return { intervalMs, burst: kept, lateMs };
}

/** Returns the next `jobs` turns from `now` on, and the state after them. All are times of one clock, in milliseconds. */
export function nextTurns(
  { intervalMs, burst }: TokenBucket,
  arrival: number,
  now: number,
  jobs: number,
): { readonly turns: readonly number[]; readonly arrival: number } {
  const turns: number[] = [];
  let next = Math.max(arrival, now);
  for (let job = 0; job < jobs; job += 1) {
    turns.push(Math.max(now, next - (burst - 1) * intervalMs));
    next += intervalMs;
  }
  return { turns, arrival: next };
}
