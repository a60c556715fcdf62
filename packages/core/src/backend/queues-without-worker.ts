import type { QueueCounts } from "./inspector.ts";
import type { LiveWorker } from "./live-worker.ts";

/** A queue from which no live worker leases, although it has jobs or was declared. */
export interface QueueWithoutWorker {
  readonly queue: string;
  /** Jobs that could be leased now; 0 for a declared queue that has none. */
  readonly ready: number;
  /** Milliseconds since the oldest of them became ready; null when there is none, and where the backend does not report it. */
  readonly oldestWaitMs: number | null;
}

/**
 * Returns the queues that have ready jobs, or are declared, and from which no live worker leases, by name. A queue of which jobs
 * are leased has a worker, although perhaps one that is not listed, such as one in another language.
 */
export function queuesWithoutWorker(
  counts: readonly QueueCounts[],
  workers: readonly Pick<LiveWorker, "queues">[],
  declared: ReadonlySet<string>,
): QueueWithoutWorker[] {
  const served = new Set(workers.flatMap(({ queues }) => queues));
  const found = counts
    .filter(({ queue, ready, leased, workers: own = 0 }) => {
      if (queue === "" || served.has(queue) || leased > 0 || own > 0) return false;
      return ready > 0 || declared.has(queue);
    })
    .map(({ queue, ready, oldestWaitMs }): QueueWithoutWorker => ({ queue, ready, oldestWaitMs }));
  const counted = new Set(counts.map(({ queue }) => queue));
  const empty = [...declared]
    .filter((queue) => !counted.has(queue) && !served.has(queue))
    .map((queue) => ({ queue, ready: 0, oldestWaitMs: null }));
  return [...found, ...empty].sort((a, b) => (a.queue < b.queue ? -1 : 1));
}
