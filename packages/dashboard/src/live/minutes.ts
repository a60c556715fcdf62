import type { Jobs, QueueCounts } from "@waybill/core";

/** One minute of a connection. */
export interface MinuteView {
  /** Unix milliseconds of its start. */
  readonly at: number;
  readonly completed: number;
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  readonly dead: number;
  /** Milliseconds of a run; null when none ended. */
  readonly p50: number | null;
  readonly p95: number | null;
  /** Jobs that waited, of every queue, and the oldest wait in milliseconds; null when it was not counted. */
  readonly backlog: number | null;
  readonly oldestWaitMs: number | null;
}

/** The last day of a connection, by minute. */
export interface Minutes {
  /** Notes what waits now. */
  sample(at: number, counts: readonly QueueCounts[]): void;
  /** Reads the last day, oldest first. Never rejects. */
  read(at: number): Promise<readonly MinuteView[]>;
}

interface Minute {
  completed: number;
  retried: number;
  dead: number;
  durations: number[];
  backlog: number | null;
  oldestWaitMs: number | null;
}

const MINUTE_MS = 60_000;
const KEPT = 1_440;
const MOST_DURATIONS = 1_000;

/** Counts what the workers of this connection settle, and what waits whenever the page is open, since the start of this process. */
export function createMinutes(jobs: Jobs): Minutes {
  const minutes = new Map<number, Minute>();

  function minuteOf(at: number): Minute {
    const start = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const found = minutes.get(start);
    if (found !== undefined) return found;
    const made: Minute = { completed: 0, retried: 0, dead: 0, durations: [], backlog: null, oldestWaitMs: null };
    minutes.set(start, made);
    for (const key of minutes.keys()) if (key < start - KEPT * MINUTE_MS) minutes.delete(key);
    return made;
  }

  jobs.events.on("settled", ({ at, outcome, durationMs }) => {
    const minute = minuteOf(at);
    if (outcome === "completed") minute.completed += 1;
    else if (outcome === "retry") minute.retried += 1;
    else if (outcome === "dead") minute.dead += 1;
    else return;
    if (minute.durations.length < MOST_DURATIONS) minute.durations.push(durationMs);
    else minute.durations[Math.floor(Math.random() * MOST_DURATIONS)] = durationMs;
  });

  return {
    sample(at, counts) {
      const minute = minuteOf(at);
      minute.backlog = counts.reduce((sum, { ready }) => sum + ready, 0);
      minute.oldestWaitMs = counts.reduce((most, { oldestWaitMs }) => Math.max(most, oldestWaitMs ?? 0), 0);
    },
    async read() {
      return [...minutes].toSorted(([a], [b]) => a - b).map(([at, minute]) => viewOf(at, minute));
    },
  };
}

function viewOf(at: number, { durations, ...minute }: Minute): MinuteView {
  const sorted = durations.toSorted((a, b) => a - b);
  const quantile = (part: number): number | null => sorted[Math.floor((sorted.length - 1) * part)] ?? null;
  return { at, ...minute, p50: quantile(0.5), p95: quantile(0.95) };
}
