import type { LiveWorker } from "../../backend/live-worker.ts";
import { CANARY_TYPE } from "../../job/canary-type.ts";
import { durationMs } from "../../time/duration.ts";
import { WaybillError } from "../../errors.ts";
import { backlogMetrics } from "./backlog.ts";
import { checkMetrics, type Measured, type MetricsOptions } from "./metrics-options.ts";
import { exposition, type Metric } from "./exposition.ts";
import { loadMetrics } from "./worker-load.ts";
import { LabelValues, typeLabels } from "./label-values.ts";
import { looker } from "./look.ts";
import { counter, gauge, histogram } from "./series.ts";
import { RunRate } from "./run-rate.ts";

export type { Metric, Sample } from "./exposition.ts";
export type { Measured, MetricsOptions } from "./metrics-options.ts";
export { type HealthEndpoint, healthEndpoint, type HealthOptions, type HealthSource } from "./health-endpoint.ts";

/** The counters of one process. */
export interface JobMetrics {
  /**
   * Returns one scrape, whose content type is `text/plain; version=0.0.4`. Asks the backend for its counts, for at most 3
   * seconds. Never rejects: while the backend is unavailable `waybill_backend_up` is 0 and its counts are omitted.
   */
  prometheus(): Promise<string>;
  /** Returns the metrics of the same scrape as data. Never rejects. */
  read(): Promise<Metric[]>;
  /** Stops counting. */
  stop(): void;
}

/** The codes of releases by a limit. A limit that the backend itself keeps leaves its jobs unleased, so they are not released. */
const LIMIT_CODES: ReadonlySet<string> = new Set(["LIMIT_FULL", "RATE_LIMITED", "LIMITS_UNAVAILABLE"]);
const RUN_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900];
const WAIT_BUCKETS = [...RUN_BUCKETS, 3_600];

/**
 * Counts events for `GET /metrics`, from this call on. The counters are of this process; the jobs in the backend are counted
 * by the backend, at each scrape. Workers are known from the events of their start: call it before. Durations are in seconds. A label has at most 200 values and a metric at most 1,000
 * combinations of them; any further one is counted as `other`. Throws `CONFIG_INVALID` for options that cannot work.
 */
export function jobMetrics(measured: Measured, options: MetricsOptions = {}): JobMetrics {
  checkMetrics(measured, options);
  const { events, inspector = null, workers = unlisted, doctor = null } = measured;
  const targetSeconds = durationMs(options.drainTarget ?? "1m", "drainTarget") / 1_000;
  if (targetSeconds === 0) throw new WaybillError("CONFIG_INVALID", 'drainTarget is 0; write a duration such as "1m"');
  const job = ["queue", "type"] as const;
  const enqueued = counter(
    "waybill_enqueued_total",
    "Jobs stored by this process, without those of the caller's own transactions.",
    job,
  );
  const failed = counter(
    "waybill_enqueue_failed_total",
    "Jobs of this process that the backend did not store, by code: BACKEND_FULL when it is full.",
    [...job, "code"],
  );
  const unknown = counter(
    "waybill_unknown_type_total",
    "Jobs enqueued by a type that this program does not define.",
    job,
  );
  const settled = counter("waybill_settled_total", "Runs by how they ended.", [...job, "outcome"]);
  const dead = counter("waybill_dead_total", "Jobs kept as dead letters, by code; no type: it is no job.", [
    ...job,
    "code",
  ]);
  const discarded = counter("waybill_discarded_total", "Jobs that ended and were not kept, by code.", [...job, "code"]);
  const lost = counter("waybill_lease_lost_total", "Leases that ran out under this process.", job);
  const cancelled = counter(
    "waybill_cancelled_total",
    "Jobs cancelled: those that waited by this process, those that ran in it or came to it.",
    job,
  );
  const limited = counter("waybill_limited_total", "Releases of jobs because of their limits, by code.", [
    ...job,
    "code",
  ]);
  const duplicates = counter(
    "waybill_duplicates_total",
    "Jobs enqueued by this process whose unique key another job had, by result.",
    [...job, "result"],
  );
  const ticks = counter("waybill_schedule_ticks_total", "Ticks of schedules that this process fired or skipped.", [
    "schedule",
    "result",
  ]);
  const refused = counter("waybill_push_refused_total", "Pushes turned away, by code.", ["code"]);
  const buckets = options.runBuckets ?? RUN_BUCKETS;
  const run = histogram("waybill_run_seconds", "How long handlers ran, in seconds.", job, buckets);
  const wait = histogram(
    "waybill_wait_seconds",
    "How long jobs waited from when they were due until they started, in seconds.",
    job,
    options.waitBuckets ?? WAIT_BUCKETS,
  );
  const canary = gauge(
    "waybill_canary_timestamp_seconds",
    "When this process last ran a canary job of the queue, in Unix seconds.",
    ["queue"],
  );
  const running = new Set<string>();
  const rate = new RunRate();
  const booted = new Map<string, { readonly queues: readonly string[]; readonly concurrency: number }>();
  const look = looker({ inspector, workers, doctor });
  const typeOf = typeLabels(events, options.types ?? []);
  const queues = new LabelValues();
  const codes = new LabelValues();
  const schedules = new LabelValues();
  const labelsOf = ({ queue, type }: Labelled) => ({ queue: queues.shown(queue), type: typeOf(type) });

  const offs = [
    events.on("enqueued", (event) => void (event.stored === true && enqueued.add(labelsOf(event)))),
    events.on("enqueue_failed", (event) => failed.add({ ...labelsOf(event), code: codes.shown(event.code) })),
    events.on("unknown_type", (event) => unknown.add(labelsOf(event))),
    events.on("lease_lost", (event) => lost.add(labelsOf(event))),
    events.on("rejected", ({ queue, reason }) =>
      dead.add({ queue: queues.shown(queue), type: "", code: codes.shown(reason.code) }),
    ),
    events.on("push_refused", ({ code }) => refused.add({ code: codes.shown(code) })),
    events.on("booted", ({ worker, queues: names, concurrency }) => {
      if (worker !== undefined && concurrency !== undefined) booted.set(worker, { queues: names, concurrency });
    }),
    events.on("stopped", ({ worker }) => void booted.delete(worker)),
    events.on("started", (event) => {
      running.add(event.id);
      rate.started();
      if (event.waitMs !== undefined) wait.observe(labelsOf(event), event.waitMs / 1_000);
    }),
    events.on("finished", (event) => {
      // A job that ended without its handler, such as an expired one, did not run.
      if (!running.delete(event.id)) return;
      rate.ended(event.durationMs);
      run.observe(labelsOf(event), event.durationMs / 1_000);
    }),
    events.on("settled", (event) => {
      settled.add({ ...labelsOf(event), outcome: event.outcome });
      if (event.type === CANARY_TYPE && event.outcome === "completed")
        canary.set({ queue: queues.shown(event.queue) }, event.at / 1_000);
      const code = event.reason?.code ?? "";
      if (event.outcome === "release" && LIMIT_CODES.has(code)) limited.add({ ...labelsOf(event), code });
      if (event.outcome !== "dead") return;
      const ended = event.kept === false ? discarded : dead;
      ended.add({ ...labelsOf(event), code: codes.shown(code) });
      if (code === "CANCELLED") cancelled.add(labelsOf(event));
    }),
    events.on("cancelled", (event) => cancelled.add(labelsOf(event))),
    events.on("duplicate", (event) => duplicates.add({ ...labelsOf(event), result: event.result })),
    events.on("tick", ({ schedule, result }) => ticks.add({ schedule: schedules.shown(schedule), result })),
  ];

  async function read(): Promise<Metric[]> {
    const seen = await look();
    const own = { workers: booted, running: running.size, rate, targetSeconds };
    const counted = [
      enqueued,
      failed,
      unknown,
      duplicates,
      settled,
      dead,
      discarded,
      cancelled,
      limited,
      lost,
      ticks,
      refused,
    ];
    return [
      ...(inspector === null ? [] : backlogMetrics(seen)),
      ...loadMetrics(own, seen),
      ...[...counted, run, wait, canary].map((one) => one.metric()),
    ];
  }

  return {
    read,
    prometheus: async () => exposition(await read()),
    stop() {
      for (const off of offs) off();
    },
  };
}

const unlisted = (): Promise<LiveWorker[]> => Promise.reject(new Error("no list of workers was given"));

type Labelled = { readonly queue: string; readonly type: string };
