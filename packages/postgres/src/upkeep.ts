import type { Query } from "./database.ts";

/** What time makes true: delayed jobs fall due, leases run out, arrivals are admitted. Done by whoever waits for a job. */
export interface Upkeep {
  /** Looks, or joins a look that has not begun. Answers the queues in which jobs became ready. Rejects if the server is away. */
  tend(): Promise<readonly string[]>;
  /** Monotonic ms of the last look's beginning; −Infinity before the first. */
  lastAt(): number;
  /** Monotonic ms of the next thing known to happen; Infinity when there is none. */
  nextAt(): number;
  /** Something will happen in `inMs`. */
  expect(inMs: number): void;
}

interface Tended {
  readonly woken: readonly string[];
  readonly more: boolean;
  readonly next_ms: number | null;
  readonly arrived: boolean;
}

/** So that one transaction stays short. */
const SLICE = 500;

/** `admitArrivals` answers the queues that got jobs, and whether there may be more; `forget` drops old history. */
export function createUpkeep(
  query: Query,
  schema: string,
  admitArrivals: () => Promise<{ readonly queues: readonly string[]; readonly more: boolean }>,
  forget: () => Promise<void>,
): Upkeep {
  const tend = `SELECT woken, more, next_ms, arrived FROM "${schema}".tend(${SLICE})`;
  let underWay: Promise<readonly string[]> | null = null;
  let following: Promise<readonly string[]> | null = null;
  let lastAt = -Infinity;
  let nextAt = Infinity;

  async function look(): Promise<readonly string[]> {
    lastAt = performance.now();
    nextAt = Infinity;
    const woken = new Set<string>();
    for (let more = true; more;) {
      const [row] = await query(tend);
      const tended = row as Tended;
      more = tended.more;
      for (const queue of tended.woken) woken.add(queue);
      if (tended.next_ms !== null) nextAt = Math.min(nextAt, performance.now() + tended.next_ms);
      if (!tended.arrived) continue;
      const admitted = await admitArrivals();
      for (const queue of admitted.queues) woken.add(queue);
      more ||= admitted.more;
    }
    await forget();
    return [...woken];
  }

  function begin(): Promise<readonly string[]> {
    following = null;
    underWay = look().finally(() => (underWay = null));
    return underWay;
  }

  return {
    lastAt: () => lastAt,
    nextAt: () => nextAt,
    expect(inMs) {
      nextAt = Math.min(nextAt, performance.now() + inMs);
    },
    tend() {
      if (underWay === null) return begin();
      following ??= underWay.then(begin, begin);
      return following;
    },
  };
}
