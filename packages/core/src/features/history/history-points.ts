import type { History, HistoryPoint } from "./history-api.ts";
import { addMinute, ALL, emptyMinute, type Minute, MINUTE_MS, type Minutes } from "./minutes.ts";
import { quantile } from "./run-times.ts";

/** Which minutes, by their number since 1970, in steps of how many. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Returns the points of these minutes. `since`: Unix milliseconds. */
export function historyOf(minutes: Minutes, kept: History["kept"], since: number, span: Span): History {
  const first = Math.max(span.from, Math.floor(since / MINUTE_MS));
  const steps: number[] = [];
  for (let at = first - (first % span.step); at <= span.to; at += span.step) steps.push(at);
  const all = minutes.get(ALL) ?? new Map<number, Minute>();
  const counted = steps.map((at) => pointOf(at, span.step, all).ready !== null);
  const queues = [...minutes]
    .filter(([queue]) => queue !== ALL)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([queue, own]) => ({
      queue,
      // Where all queues were counted, one without a number had no job.
      points: steps.map((at, index) => withZero(pointOf(at, span.step, own), counted[index] === true)),
    }))
    .filter(({ points }) => points.some(hasAny));
  return { kept, since, points: steps.map((at) => pointOf(at, span.step, all)), queues };
}

const withZero = (point: HistoryPoint, isCounted: boolean): HistoryPoint =>
  point.ready === null && isCounted ? { ...point, ready: 0 } : point;

const hasAny = ({ completed, retried, dead, ready }: HistoryPoint): boolean =>
  completed + retried + dead + (ready ?? 0) > 0;

function pointOf(at: number, step: number, minutes: ReadonlyMap<number, Minute>): HistoryPoint {
  const sum = emptyMinute();
  for (let number = at; number < at + step; number += 1) {
    const minute = minutes.get(number);
    if (minute !== undefined) addMinute(sum, minute);
  }
  const { completed, retried, dead, ready, oldestWaitMs, runs } = sum;
  const times = { p50Ms: quantile(runs, 0.5), p95Ms: quantile(runs, 0.95), p99Ms: quantile(runs, 0.99) };
  return { at: at * MINUTE_MS, completed, retried, dead, ...times, ready, oldestWaitMs };
}
