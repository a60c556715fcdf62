import { answeredWithin } from "../deadline.ts";
import type { Inspector, QueueCounts } from "../inspector.ts";
import type { Metric } from "./exposition.ts";
import { MOST_VALUES, OTHER } from "./label-values.ts";

/** A scrape is given up after 10 s by default; what this process counted must be there by then. */
const ANSWER_MS = 3_000;

/** Returns what the backend holds, and whether it says so. Never rejects. */
export async function backlogOf(inspector: Inspector): Promise<Metric[]> {
  try {
    const counts = await answeredWithin(inspector.counts(), ANSWER_MS);
    return [up(1), ...backlog(counts)];
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

/** What the backend holds, by queue and state; a queue with jobs and nobody who reads it shows here. */
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

/** The queues that hold most, and one row for the rest. */
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
