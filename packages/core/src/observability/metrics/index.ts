import type { EventBus } from "../events.ts";
import type { Inspector } from "../../backend/inspector.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import { assertKnownOptions } from "../../known-options.ts";
import { backlogOf } from "./backlog.ts";
import { exposition, type Metric } from "./exposition.ts";
import { LabelValues, typeLabels } from "./label-values.ts";
import { counter, histogram } from "./series.ts";

/** The object to measure: a connection, or a receiver, which has events alone. */
export interface Measured {
  readonly events: EventBus;
  /** Omitted or null: the jobs in the backend are not counted. */
  readonly inspector?: Inspector | null;
  /** Lists the live workers. Omitted, or where it rejects: `waybill_jobs_without_worker` is omitted. */
  readonly workers?: () => Promise<LiveWorker[]>;
}

/** Options of `jobMetrics`. */
export interface MetricsOptions {
  /**
   * Job types to show by name besides those that this program registered or enqueued by a definition: for types that it
   * enqueues by name, stores for others, or forwards. Any other type is counted as `other`. Default none.
   */
  readonly types?: readonly string[] | undefined;
  /** Upper bounds of the run times, in seconds, in rising order. */
  readonly runBuckets?: readonly number[] | undefined;
}

/** The counters of one process. */
export interface JobMetrics {
  /**
   * Returns one scrape, whose content type is `text/plain; version=0.0.4`. Asks the backend for its counts, for at most 3
   * seconds. Never rejects: while the backend is unavailable `waybill_backend_up` is 0 and its counts are omitted.
   */
  prometheus(): Promise<string>;
  /** Stops counting. */
  stop(): void;
}

/** The codes of releases by a limit. A limit that the backend itself keeps leaves its jobs unleased, so they are not released. */
const LIMIT_CODES: ReadonlySet<string> = new Set(["LIMIT_FULL", "RATE_LIMITED", "LIMITS_UNAVAILABLE"]);
const RUN_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900];

/**
 * Counts events for `GET /metrics`, from this call on. The counters are of this process; the jobs in the backend are counted
 * by the backend, at each scrape. Durations are in seconds. A label has at most 200 values and a metric at most 1,000
 * combinations of them; any further one is counted as `other`.
 */
export function jobMetrics(
  { events, inspector = null, workers = unlisted }: Measured,
  options: MetricsOptions = {},
): JobMetrics {
  assertKnownOptions(options, { runBuckets: true, types: true }, "the options of jobMetrics");
  const job = ["queue", "type"] as const;
  const enqueued = counter(
    "waybill_enqueued_total",
    "Jobs stored by this process, without those of the caller's own transactions.",
    job,
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
  const running = new Set<string>();
  const typeOf = typeLabels(events, options.types ?? []);
  const queues = new LabelValues();
  const codes = new LabelValues();
  const schedules = new LabelValues();
  const labelsOf = ({ queue, type }: Labelled) => ({ queue: queues.shown(queue), type: typeOf(type) });

  const offs = [
    events.on("enqueued", (event) => void (event.stored === true && enqueued.add(labelsOf(event)))),
    events.on("unknown_type", (event) => unknown.add(labelsOf(event))),
    events.on("lease_lost", (event) => lost.add(labelsOf(event))),
    events.on("rejected", ({ queue, reason }) =>
      dead.add({ queue: queues.shown(queue), type: "", code: codes.shown(reason.code) }),
    ),
    events.on("push_refused", ({ code }) => refused.add({ code: codes.shown(code) })),
    events.on("started", ({ id }) => void running.add(id)),
    events.on("finished", (event) => {
      // A job that ended without its handler, such as an expired one, did not run.
      if (running.delete(event.id)) run.observe(labelsOf(event), event.durationMs / 1_000);
    }),
    events.on("settled", (event) => {
      settled.add({ ...labelsOf(event), outcome: event.outcome });
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

  return {
    async prometheus() {
      const waiting = inspector === null ? [] : await backlogOf(inspector, workers);
      const counted = [
        enqueued,
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
      const own = [...counted, run].map((one) => one.metric());
      const gauge: Metric = {
        name: "waybill_running",
        help: "Handlers running in this process.",
        type: "gauge",
        samples: [{ suffix: "", labels: {}, value: running.size }],
      };
      return exposition([...waiting, gauge, ...own]);
    },
    stop() {
      for (const off of offs) off();
    },
  };
}

const unlisted = (): Promise<LiveWorker[]> => Promise.reject(new Error("no list of workers was given"));

type Labelled = { readonly queue: string; readonly type: string };
