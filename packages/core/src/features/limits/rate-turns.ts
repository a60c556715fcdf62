import { nextTurns, type TokenBucket } from "./token-bucket.ts";

/** What all workers know of one key of a rate. Both are times of the store's clock, in milliseconds. */
export interface RateState {
  /** The theoretical arrival time of the token bucket: it moves on with each job that starts. */
  readonly arrival: number;
  /** When the next job that is released is to return: it moves on with each job that is released. */
  readonly line: number;
}

/** What becomes of one job: it starts at `start`, or is released and returns at `returns`. */
export interface RateDecision {
  readonly start: number | null;
  readonly returns: number;
}

export interface RateMoment {
  readonly now: number;
  /** The earliest turn that is still ahead once the commit is known. */
  readonly soonest: number;
  /** How many further turns to reserve for jobs that will come, if the near ones are free. */
  readonly ahead: number;
}

/** A job waits for a turn this near in its worker. Turns further away are not reserved: the job is released. */
export const SHORT_WAIT_MS = 250;
/** The longest that a job waits in its worker for a turn. */
export const LONGEST_WAIT_MS: number = 4 * SHORT_WAIT_MS;
/** A released job returns this long before it may start, so that a store that is late delays nothing. */
export const EARLY_MS = 200;
/** How far ahead a turn is reserved, by how often the job was released: so the one that has waited longer comes first. */
const WAITS_MS: readonly number[] = [SHORT_WAIT_MS, 1.4 * SHORT_WAIT_MS, LONGEST_WAIT_MS];
/** Released jobs return a little faster than they may start: some always wait, so that a process that is late leaves no gap. */
const RETURN_SHARE = 0.95;

/**
 * Decides for a list of jobs, by how often each was released. Starts are reserved near the present only, so that a job that returns
 * late has wasted nothing. While released jobs are to return, a new one may start only where they leave the near turns unused: those
 * that return ask earlier and wait longer.
 */
export function decideTurns(
  bucket: TokenBucket,
  { arrival, line }: RateState,
  releases: readonly number[],
  { now, soonest, ahead }: RateMoment,
): { readonly decisions: readonly RateDecision[]; readonly ahead: readonly number[]; readonly next: RateState } {
  const decisions: RateDecision[] = [];
  let next = { arrival, line };
  const isLined = line - now > SHORT_WAIT_MS;
  for (const count of releases) {
    const { turns, arrival: moved } = nextTurns(bucket, next.arrival, soonest, 1);
    const turn = turns[0] as number;
    const mayWaitMs = WAITS_MS[Math.min(count, WAITS_MS.length - 1)] as number;
    const latest = soonest + (count === 0 && isLined ? mayWaitMs / 2 : mayWaitMs);
    if (turn <= latest) {
      next = { arrival: moved, line: next.line };
      decisions.push({ start: turn, returns: turn });
    } else {
      const returns = Math.max(next.line, next.arrival, now + SHORT_WAIT_MS);
      next = { arrival: next.arrival, line: returns + RETURN_SHARE * bucket.intervalMs };
      decisions.push({ start: null, returns });
    }
  }
  const isFree = next.arrival - now < SHORT_WAIT_MS / 2 && next.line <= now;
  if (!isFree || ahead === 0) return { decisions, ahead: [], next };
  const more = nextTurns(bucket, next.arrival, soonest, ahead);
  return { decisions, ahead: more.turns, next: { arrival: more.arrival, line: next.line } };
}
