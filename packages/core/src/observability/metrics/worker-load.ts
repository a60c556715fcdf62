import type { Look } from "./look.ts";
import type { Metric, Sample } from "./exposition.ts";
import { MOST_VALUES } from "./label-values.ts";
import type { RunRate } from "./run-rate.ts";

/** The workers of this process, as their events report them. */
export interface OwnWorkers {
  /** The workers that run, by id. */
  readonly workers: ReadonlyMap<string, { readonly queues: readonly string[]; readonly concurrency: number }>;
  /** Handlers that run. */
  readonly running: number;
  readonly rate: RunRate;
  /** In how many seconds the desired workers are to run what waits. */
  readonly targetSeconds: number;
}

/** Returns how much this process can run and runs, and what the queues of its workers need. */
export function loadMetrics(own: OwnWorkers, look: Look): Metric[] {
  const slots = sum([...own.workers.values()].map(({ concurrency }) => concurrency));
  const { rate } = own;
  const meanMs = rate.meanMs();
  return [
    gauge("waybill_running", "Handlers running in this process.", own.running),
    gauge("waybill_slots", "Jobs that the workers of this process may run at once.", slots),
    gauge(
      "waybill_utilisation",
      "Share of the slots of this process that are taken, from 0 to 1; 0 without a worker.",
      slots === 0 ? 0 : Math.min(1, own.running / slots),
    ),
    gauge(
      "waybill_runs_per_second",
      "Handlers that ended in this process per second, over about the last half minute.",
      rate.perSecond(),
    ),
    ...(meanMs === null
      ? []
      : [
          gauge(
            "waybill_mean_run_seconds",
            "Mean duration of recent handlers of this process, in seconds.",
            meanMs / 1_000,
          ),
        ]),
    ...liveMetrics(look),
    ...needs(own, slots, look),
  ];
}

/** Returns the workers of every process, where the backend lists them. */
function liveMetrics({ workers }: Look): Metric[] {
  if (workers === null) return [];
  const queues = new Map<string, number>();
  for (const queue of workers.flatMap((worker) => worker.queues)) queues.set(queue, (queues.get(queue) ?? 0) + 1);
  const most = [...queues].sort(([, one], [, other]) => other - one).slice(0, MOST_VALUES);
  return [
    {
      name: "waybill_workers",
      help: "Live workers of every process, by queue; a worker of two queues counts in both.",
      type: "gauge",
      samples: most.map(([queue, count]): Sample => ({ suffix: "", labels: { queue }, value: count })),
    },
    gauge(
      "waybill_workers_slots",
      "Jobs that the live workers of every process may run at once.",
      sum(workers.map(({ concurrency }) => concurrency)),
    ),
    gauge(
      "waybill_workers_running",
      "Jobs that ran in every process at the last heartbeat of its workers.",
      sum(workers.map(({ running }) => running)),
    ),
  ];
}

/**
 * Returns how long the queues of this process's workers take to drain, and how many workers they need. Both follow from what the
 * backend counts at this scrape and from how long jobs take.
 */
function needs({ workers, rate, targetSeconds }: OwnWorkers, slots: number, look: Look): Metric[] {
  if (look.counts === null || workers.size === 0) return [];
  const served = new Set([...workers.values()].flatMap(({ queues }) => queues));
  const open = sum(look.counts.filter(({ queue }) => served.has(queue)).map(({ ready, leased }) => ready + leased));
  const live = (look.workers ?? []).filter(({ queues }) => queues.some((queue) => served.has(queue)));
  const liveSlots = Math.max(slots, sum(live.map(({ concurrency }) => concurrency)));
  const ownRate = rate.fullRate(slots);
  const liveRate = ownRate === null ? null : (ownRate * liveSlots) / slots;
  const meanSeconds = (rate.meanMs() ?? 0) / 1_000;
  const desired = desiredWorkers(open, slots / workers.size, meanSeconds / targetSeconds);
  return [
    gauge(
      "waybill_desired_workers",
      `Workers like those of this process that would run the ready and leased jobs of their queues in ${targetSeconds} s.`,
      desired,
    ),
    ...(open > 0 && liveRate === null
      ? []
      : [
          gauge(
            "waybill_drain_seconds",
            "Estimate of the seconds until the live workers have run the ready and leased jobs of these queues.",
            open === 0 || liveRate === null ? 0 : open / liveRate,
          ),
        ]),
  ];
}

/**
 * Returns how many workers are needed. `rounds` is the duration of a job in units of the target: jobs as long as the target or
 * longer need a slot each. 0 without jobs, else at least 1.
 */
function desiredWorkers(open: number, slotsEach: number, rounds: number): number {
  if (open === 0) return 0;
  const exactly = (open / slotsEach) * Math.min(1, rounds);
  // A mean of 0.1 s is a little more in floating point, which must not start one worker more.
  return Math.max(1, Math.ceil(exactly - 0.001));
}

export function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: "gauge", samples: [{ suffix: "", labels: {}, value }] };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
