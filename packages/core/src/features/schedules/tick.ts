/** One time at which a schedule runs its job. */
export interface Tick {
  /** When it is due, in Unix milliseconds. */
  readonly at: number;
  /**
   * For a time of day that the clocks have skipped: that time, as if it were UTC, in milliseconds. The tick is due right after the
   * skipped time, where several may meet. Null for every other tick.
   */
  readonly skipped: number | null;
}

/** The ticks of one schedule, in order. Made once from its definition: the same definition has the same ticks in every process. */
export interface Ticks {
  /** Returns the first tick after a time in Unix milliseconds; null when there is none. */
  after(ms: number): Tick | null;
  /** Returns the tick that follows this one; null when there is none. */
  following(tick: Tick): Tick | null;
}

const isBefore = (one: Tick, other: Tick): boolean =>
  one.at < other.at || (one.at === other.at && (one.skipped ?? Infinity) < (other.skipped ?? Infinity));

/** The first look back from `until` for ticks. Doubled until enough are found. */
const FIRST_LOOK_MS = 3_600_000;

/** Returns the last ticks from `first` on that are due by `until`, at most `most`, in order. Takes no longer for an older `first`. */
export function latestTicks(ticks: Ticks, first: Tick, until: number, most: number): Tick[] {
  if (first.at > until) return [];
  for (let lookMs = FIRST_LOOK_MS; ; lookMs *= 2) {
    const from = until - lookMs;
    const reachesFirst = from <= first.at;
    const found: Tick[] = [];
    let tick = reachesFirst ? first : ticks.after(from);
    for (; tick !== null && tick.at <= until; tick = ticks.following(tick)) {
      if (!isBefore(tick, first)) found.push(tick);
    }
    if (reachesFirst || found.length >= most) return found.slice(-most);
  }
}

/** Returns the ticks of an interval: at its multiples since 1970, in UTC, so that they do not depend on when a process starts. */
export function intervalTicks(everyMs: number): Ticks {
  const after = (ms: number): Tick => ({ at: (Math.floor(ms / everyMs) + 1) * everyMs, skipped: null });
  return { after, following: ({ at }) => after(at) };
}
