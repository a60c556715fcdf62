import type { History, HistoryPoint, Jobs } from "@waybill/core";
import { createTicker } from "./ticker.ts";

/** The charts of one connection. */
export interface HistoryView extends Omit<History, "queues"> {
  /** Milliseconds that one point covers. */
  readonly stepMs: number;
  /** Of the last 5 minutes. `rate` is the part of the attempts that failed; null where none has ended. */
  readonly recent: { readonly perMinute: number; readonly rate: number | null };
  /** Ready jobs by point, of the queues that had most of them, the largest first. */
  readonly queues: readonly { readonly queue: string; readonly ready: readonly (number | null)[] }[];
}

export type HistorySpan = "hour" | "day";

/** Reads the charts of one connection, at most once a second for all users. */
export interface HistoryReader {
  read(span: HistorySpan): Promise<HistoryView>;
}

const STEPS = { hour: { last: "1h", step: "1m" }, day: { last: "1d", step: "10m" } } as const;
const STEP_MS = { hour: 60_000, day: 600_000 } as const;
const RECENT_MINUTES = 5;
/** More lines in one chart are not told apart. */
const MOST_QUEUES = 4;

export function createHistoryReader(jobs: Jobs): HistoryReader {
  // The history begins with the first look, not with the first user.
  void jobs.history().catch(() => undefined);
  const tickers = { hour: tickerOf(jobs, "hour"), day: tickerOf(jobs, "day") };
  return { read: (span) => tickers[span].read() };
}

function tickerOf(jobs: Jobs, span: HistorySpan) {
  return createTicker({
    read: async () => {
      const [whole, recent] = await Promise.all([
        jobs.history(STEPS[span]),
        jobs.history({ last: `${RECENT_MINUTES}m` }),
      ]);
      return { ...whole, stepMs: STEP_MS[span], recent: recentOf(recent.points), queues: largest(whole) };
    },
    failed: (thrown): HistoryView => {
      throw thrown;
    },
  });
}

function recentOf(points: readonly HistoryPoint[]): HistoryView["recent"] {
  const completed = points.reduce((sum, point) => sum + point.completed, 0);
  const failed = points.reduce((sum, { retried, dead }) => sum + retried + dead, 0);
  const rate = completed + failed === 0 ? null : failed / (completed + failed);
  return { perMinute: completed / Math.max(1, points.length), rate };
}

function largest({ queues }: History): HistoryView["queues"] {
  const most = (points: readonly HistoryPoint[]): number =>
    points.reduce((found, { ready }) => Math.max(found, ready ?? 0), 0);
  return queues
    .filter(({ points }) => most(points) > 0)
    .toSorted((a, b) => most(b.points) - most(a.points))
    .slice(0, MOST_QUEUES)
    .map(({ queue, points }) => ({ queue, ready: points.map(({ ready }) => ready) }));
}
