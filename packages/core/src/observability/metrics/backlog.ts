import type { QueueCounts } from "../../backend/inspector.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import { queuesWithoutWorker } from "../../backend/queues-without-worker.ts";
import type { Metric } from "./exposition.ts";
import { gauge } from "./worker-load.ts";
import { MOST_VALUES, OTHER } from "./label-values.ts";
import type { Look } from "./look.ts";

/** Returns the metrics of the jobs and the memory of the backend, and of whether it responded. */
export function backlogMetrics({ counts, workers, memory }: Look): Metric[] {
  const up = gauge(
    "waybill_backend_up",
    "Whether the backend answered this scrape: 1, or 0 and then nothing is said of what it holds.",
    counts === null ? 0 : 1,
  );
  if (counts === null) return [up];
  return [up, ...backlog(counts), ...withoutWorker(counts, workers), ...memoryMetrics(memory)];
}

function memoryMetrics(memory: Look["memory"]): Metric[] {
  if (memory === null) return [];
  const { usedBytes, limitBytes } = memory;
  const used = gauge("waybill_backend_memory_bytes", "Memory that the backend's server uses, in bytes.", usedBytes);
  if (limitBytes === null) return [used];
  return [
    used,
    gauge("waybill_backend_memory_limit_bytes", "Memory that the backend's server may use, in bytes.", limitBytes),
    gauge(
      "waybill_backend_memory_ratio",
      "Share of its memory limit that the backend's server uses; near 1 it refuses jobs.",
      usedBytes / limitBytes,
    ),
  ];
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
