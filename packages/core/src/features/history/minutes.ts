import type { QueueCounts } from "../../backend/inspector.ts";
import { addRun, addRuns, type RunTimes } from "./run-times.ts";

/** What happened in one queue in one minute. */
export interface Minute {
  completed: number;
  retried: number;
  dead: number;
  readonly runs: RunTimes;
  /** The last count; null when there was none. */
  ready: number | null;
  oldestWaitMs: number | null;
}

export const MINUTE_MS = 60_000;
/** Stands for all queues together. No queue has a colon in its name. */
export const ALL = ":all";
/** Any further queue is counted in `ALL` alone. */
const MOST_QUEUES = 200;

/** Minutes by queue and by their number since 1970. */
export type Minutes = Map<string, Map<number, Minute>>;

export const emptyMinute = (): Minute => ({
  completed: 0,
  retried: 0,
  dead: 0,
  runs: new Map(),
  ready: null,
  oldestWaitMs: null,
});

/** Adds what another one counted. Its count of what waits is the later one. */
export function addMinute(to: Minute, more: Minute): void {
  to.completed += more.completed;
  to.retried += more.retried;
  to.dead += more.dead;
  addRuns(to.runs, more.runs);
  if (more.ready === null) return;
  to.ready = more.ready;
  to.oldestWaitMs = more.oldestWaitMs;
}

function minuteOf(minutes: Minutes, queue: string, number: number): Minute | null {
  let own = minutes.get(queue);
  if (own === undefined) {
    if (minutes.size > MOST_QUEUES) return null;
    minutes.set(queue, (own = new Map()));
  }
  let minute = own.get(number);
  if (minute === undefined) own.set(number, (minute = emptyMinute()));
  return minute;
}

/** Counts the end of an attempt. */
export function countEnd(
  minutes: Minutes,
  at: number,
  { queue, outcome, durationMs }: { readonly queue: string; readonly outcome: string; readonly durationMs: number },
): void {
  const name = outcome === "completed" ? "completed" : outcome === "retry" ? "retried" : "dead";
  for (const one of [ALL, queue]) {
    const minute = minuteOf(minutes, one, Math.floor(at / MINUTE_MS));
    if (minute === null) continue;
    minute[name] += 1;
    addRun(minute.runs, durationMs);
  }
}

/** Notes what waits. */
export function countReady(minutes: Minutes, at: number, counts: readonly QueueCounts[]): void {
  const number = Math.floor(at / MINUTE_MS);
  const note = (queue: string, ready: number, oldestWaitMs: number | null): void => {
    const minute = minuteOf(minutes, queue, number);
    if (minute !== null) Object.assign(minute, { ready, oldestWaitMs });
  };
  const waits = counts.map(({ oldestWaitMs }) => oldestWaitMs).filter((ms) => ms !== null);
  const oldest = waits.length > 0 ? Math.round(waits.reduce((a, b) => Math.max(a, b))) : null;
  note(
    ALL,
    counts.reduce((sum, { ready }) => sum + ready, 0),
    oldest,
  );
  for (const { queue, ready, oldestWaitMs } of counts) {
    if (queue !== "" && ready > 0) note(queue, ready, oldestWaitMs === null ? null : Math.round(oldestWaitMs));
  }
}

/** Removes what is older than `number`. */
export function forgetBefore(minutes: Minutes, number: number): void {
  for (const [queue, own] of minutes) {
    for (const key of own.keys()) if (key < number) own.delete(key);
    if (own.size === 0) minutes.delete(queue);
  }
}
