import type { Jobs, LiveWorker, Pause, QueueCounts } from "@waybill/core";
import { optional } from "../features.ts";

/** A queue as the page shows it. */
export interface QueueView extends QueueCounts {
  /** Unix milliseconds; null while it is not paused. */
  readonly pausedSince: number | null;
  /** True: it has ready jobs, or is declared, and no live worker leases from it. */
  readonly isUncovered: boolean;
}

/** What the overview and the list of queues show. */
export interface Snapshot {
  /** Unix milliseconds. */
  readonly at: number;
  /** Null where the backend cannot count. */
  readonly queues: readonly QueueView[] | null;
  /** Types that are paused in every queue. */
  readonly pausedTypes: readonly string[];
  /** Live workers; null where the backend does not know them. */
  readonly workers: {
    readonly count: number;
    readonly running: number;
    readonly slots: number;
    readonly versions: number;
  } | null;
  /** The backend does not respond: what else is here was read earlier. Null while it does. */
  readonly problem: string | null;
}

/** Reads one snapshot. Rejects as the backend does. */
export async function readSnapshot(jobs: Jobs): Promise<Snapshot> {
  const [counts, pauses, workers, uncovered] = await Promise.all([
    jobs.inspector?.counts() ?? null,
    optional(() => jobs.pauses()),
    optional(() => jobs.workers()),
    optional(() => jobs.queuesWithoutWorker()),
  ]);
  const names = new Set(uncovered?.map(({ queue }) => queue));
  const queues =
    counts && [...counts, ...declared(counts, uncovered ?? [])].map((one) => viewOf(one, pauses ?? [], names));
  return {
    at: Date.now(),
    queues,
    pausedTypes: (pauses ?? []).flatMap((pause) => ("type" in pause ? [pause.type] : [])),
    workers: workers && summed(workers),
    problem: null,
  };
}

/** Queues that are declared and have no job. */
function declared(counts: readonly QueueCounts[], uncovered: readonly { readonly queue: string }[]): QueueCounts[] {
  const counted = new Set(counts.map(({ queue }) => queue));
  return uncovered
    .filter(({ queue }) => !counted.has(queue))
    .map(({ queue }) => ({ queue, ready: 0, delayed: 0, leased: 0, dead: 0, finished: 0, oldestWaitMs: null }));
}

function viewOf(counts: QueueCounts, pauses: readonly Pause[], uncovered: ReadonlySet<string>): QueueView {
  const pause = pauses.find((one) => "queue" in one && one.queue === counts.queue);
  return { ...counts, pausedSince: pause?.since ?? null, isUncovered: uncovered.has(counts.queue) };
}

function summed(workers: readonly LiveWorker[]): Snapshot["workers"] {
  return {
    count: workers.length,
    running: workers.reduce((sum, { running }) => sum + running, 0),
    slots: workers.reduce((sum, { concurrency }) => sum + concurrency, 0),
    versions: new Set(workers.map(({ version }) => version)).size,
  };
}
