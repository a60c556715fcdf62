import { withTimeout } from "../../time/time-limit.ts";
import type { Inspector, QueueCounts } from "../../backend/inspector.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import { queuesWithoutWorker } from "../../backend/queues-without-worker.ts";
import type { Metric } from "./exposition.ts";
import { MOST_VALUES, OTHER } from "./label-values.ts";

/** Longest wait for the backend. Prometheus ends a scrape after 10 s by default; this process's counters must arrive by then. */
const COUNTS_TIMEOUT_MS = 3_000;

/** Returns the metrics of the jobs in the backend, and of whether it responded. Never rejects. */
export async function backlogOf(inspector: Inspector, workers: () => Promise<LiveWorker[]>): Promise<Metric[]> {
  // Null where the backend keeps no list of its workers, or cannot be asked for it.
  const live = withTimeout(workers(), COUNTS_TIMEOUT_MS).catch(() => null);
  try {
    const counts = await withTimeout(inspector.counts(), COUNTS_TIMEOUT_MS);
    return [up(1), ...backlog(counts), ...withoutWorker(counts, await live)];
  } catch {
    return [up(0)];
  }
}

function up(value: 0 | 1): Metric {
  return {
    name: "waybill_backend_up",
    help: "Whether the backend answered this scrape: 1, or 0 and then nothing is said of what it holds.",
    type: "gauge",
    samples: [{ suffix: "", labels: {}, value }],
  };
}

/** Returns the jobs that run only once a worker is started for their queue. */
function withoutWorker(counts: readonly QueueCounts[], workers: readonly LiveWorker[] | null): Metric[] {
  if (workers === null) return [];
  const queues = queuesWithoutWorker(counts, workers, new Set()).slice(0, MOST_VALUES);
  return [
    {
      name: "waybill_jobs_without_worker",
      help: "Ready jobs of queues from which no live worker leases, by queue.",
      type: "gauge",
      samples: queues.map(({ queue, ready }) => ({ suffix: "", labels: { queue }, value: ready })),
    },
  ];
}

/** Returns the number of jobs by queue and state. */
function backlog(all: readonly QueueCounts[]): Metric[] {
  const counts = all.length > MOST_VALUES ? largest(all) : all;
  const states = ["ready", "delayed", "leased", "dead"] as const;
  return [
    {
      name: "waybill_jobs",
      help: "Jobs in the backend, by queue and state.",
      type: "gauge",
      samples: counts.flatMap((one) =>
        states.map((state) => ({ suffix: "", labels: { queue: one.queue, state }, value: one[state] })),
      ),
    },
    {
      name: "waybill_oldest_ready_seconds",
      help: "How long the oldest ready job has been ready, in seconds; 0 when none is.",
      type: "gauge",
      samples: counts.map(({ queue, oldestWaitMs }) => ({
        suffix: "",
        labels: { queue },
        value: (oldestWaitMs ?? 0) / 1_000,
      })),
    },
  ];
}

/** Returns the queues with the most jobs, and one row for the others together. */
function largest(all: readonly QueueCounts[]): QueueCounts[] {
  const size = ({ ready, delayed, leased, dead }: QueueCounts): number => ready + delayed + leased + dead;
  const sorted = all.toSorted((one, other) => size(other) - size(one));
  const rest = sorted.slice(MOST_VALUES).reduce((sum, one) => ({
    queue: OTHER,
    ready: sum.ready + one.ready,
    delayed: sum.delayed + one.delayed,
    leased: sum.leased + one.leased,
    dead: sum.dead + one.dead,
    finished: sum.finished + one.finished,
    oldestWaitMs: Math.max(sum.oldestWaitMs ?? 0, one.oldestWaitMs ?? 0),
  }));
  return [...sorted.slice(0, MOST_VALUES), { ...rest, queue: OTHER }];
}
