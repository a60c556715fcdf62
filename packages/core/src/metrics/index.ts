import type { EventBus } from "../events.ts";
import type { Inspector } from "../inspector.ts";
import { assertKnownOptions } from "../known-options.ts";
import { backlogOf } from "./backlog.ts";
import { exposition, type Metric } from "./exposition.ts";
import { LabelValues, typeLabels } from "./label-values.ts";
import { counter, histogram } from "./series.ts";

/** What is measured: a connection, or a receiver, which has events alone. */
export interface Measured {
  readonly events: EventBus;
  /** Absent or null: what waits in the backend is not told. */
  readonly inspector?: Inspector | null;
}

/** How run times are counted, and which types are shown. */
export interface MetricsOptions {
  /**
   * Job types to show by name beside those that this program registered or enqueued by a definition: where it enqueues by
   * name, stores what others push, or sends on any type. Any other type is counted as `other`. Default none.
   */
  readonly types?: readonly string[];
  /** Upper bounds of the run times, in seconds, rising. */
  readonly runBuckets?: readonly number[];
}

/** Counters of one process, under way. */
export interface JobMetrics {
  /**
   * Returns the text of one scrape. Its content type is `text/plain; version=0.0.4`. Asks the backend what waits, for 3
   * seconds at most. Never rejects: while the backend is away `waybill_backend_up` is 0, and what it holds is left out.
   */
  prometheus(): Promise<string>;
  /** Stops listening. */
  stop(): void;
}

const RUN_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900];

/**
 * Counts what happens. For `GET /metrics`; it begins with the call. Counters are this process's; what waits in the
 * backend is everybody's, asked at each scrape. Durations are in seconds. A label shows 200 values at most and a metric
 * 1,000 combinations of them; what is beyond is counted as `other`.
 */
export function jobMetrics({ events, inspector = null }: Measured, options: MetricsOptions = {}): JobMetrics {
  assertKnownOptions(options, { runBuckets: true, types: true }, "the options of jobMetrics");
  const job = ["queue", "type"] as const;
  const enqueued = counter(
    "waybill_enqueued_total",
    "Jobs stored by this process, without those of the caller's own transactions.",
    job,
  );
  const unknown = counter("waybill_unknown_type_total", "Jobs enqueued by a type nobody here knows.", job);
  const settled = counter("waybill_settled_total", "Runs by how they ended.", [...job, "outcome"]);
  const dead = counter("waybill_dead_total", "Jobs kept for a person, by reason; no type: it is no job.", [
    ...job,
    "code",
  ]);
  const lost = counter("waybill_lease_lost_total", "Leases that ran out under this process.", job);
  const refused = counter("waybill_push_refused_total", "Pushes turned away, by code.", ["code"]);
  const buckets = options.runBuckets ?? RUN_BUCKETS;
  const run = histogram("waybill_run_seconds", "How long handlers ran, in seconds.", job, buckets);
  const running = new Set<string>();
  const typeOf = typeLabels(events, options.types ?? []);
  const queues = new LabelValues();
  const codes = new LabelValues();
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
      // What was judged without a handler, such as an expired job, did not run.
      if (running.delete(event.id)) run.observe(labelsOf(event), event.durationMs / 1_000);
    }),
    events.on("settled", (event) => {
      settled.add({ ...labelsOf(event), outcome: event.outcome });
      if (event.outcome === "dead") dead.add({ ...labelsOf(event), code: codes.shown(event.reason?.code ?? "") });
    }),
  ];

  return {
    async prometheus() {
      const waiting = inspector === null ? [] : await backlogOf(inspector);
      const own = [enqueued, unknown, settled, dead, lost, refused, run].map((one) => one.metric());
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

type Labelled = { readonly queue: string; readonly type: string };
