import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { EventBus, type QueueCounts } from "../../src/index.ts";
import type { EventName, WaybillEvents } from "../../src/observability/events.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { telemetry } from "../../src/observability/otel/index.ts";

const MANY = 24_000;
/** What Prometheus is happy to scrape every few seconds. */
const MOST_BYTES = 2_500_000;

const named = { id: "", type: "known", queue: "default", attempt: 1, lost: 0, releases: 0, worker: "w" };
const dead = { ...named, outcome: "dead", durationMs: 1, reason: { code: "C", message: "" } } as const;

type Emit = { [N in EventName]: readonly [N, WaybillEvents[N]] }[EventName];

/** Each place a label's value comes from, with a value of somebody's invention in it. */
const sources: Record<string, (value: string) => Emit[]> = {
  "the type of what is enqueued": (type) => [["enqueued", { ...named, type, stored: true }]],
  "the queue of what is enqueued": (queue) => [["enqueued", { ...named, queue, stored: true }]],
  "a type nobody knows": (type) => [["unknown_type", { ...named, type }]],
  "the type of a lost lease": (type) => [["lease_lost", { ...named, type, during: "run" }]],
  "the queue of a lost lease": (queue) => [["lease_lost", { ...named, queue, during: "run" }]],
  "the type of what ran": (type) => [
    ["started", { ...named, id: type, type, waitMs: 5 }],
    ["finished", { ...named, id: type, type, outcome: "completed", durationMs: 5 }],
  ],
  "the queue of what ran": (queue) => [
    ["started", { ...named, id: queue, queue, waitMs: 5 }],
    ["finished", { ...named, id: queue, queue, outcome: "completed", durationMs: 5 }],
  ],
  "the type of what was settled": (type) => [["settled", { ...dead, type }]],
  "the queue of what was settled": (queue) => [["settled", { ...dead, queue }]],
  "the code a handler threw": (code) => [["settled", { ...dead, reason: { code, message: "" } }]],
  "the code of a refused push": (code) => [
    ["push_refused", { status: 400, code, message: "", peer: null, path: "/work" }],
  ],
  "all of them at once": (value) => [
    ["settled", { ...dead, type: value, queue: value, reason: { code: value, message: "" } }],
  ],
};

test.each(Object.entries(sources))(
  "24,000 values of %s leave a scrape small, and nothing uncounted",
  async (_, make) => {
    for (const length of [0, 300]) {
      const events = new EventBus();
      events.types.add("known");
      const metrics = jobMetrics({ events });
      const values = Array.from({ length: MANY }, (_v, at) => `v${at}${"x".repeat(length)}`);
      for (const [name, event] of values.flatMap(make)) events.emit(name, event as never);
      const text = await metrics.prometheus();
      expect(text.length).toBeLessThan(MOST_BYTES);
      const sum = text
        .split("\n")
        .filter((line) =>
          /^waybill_(enqueued|unknown_type|lease_lost|settled|push_refused)_total\{|^waybill_run_seconds_count/.test(
            line,
          ),
        )
        .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
      expect(sum).toBe(MANY);
      metrics.stop();
    }
  },
);

test("registered types are shown by name however many others came first", async () => {
  const events = new EventBus();
  events.types.add("known");
  const metrics = jobMetrics({ events });
  for (let at = 0; at < MANY; at += 1) events.emit("settled", { ...dead, type: `foreign.${at}` });
  events.emit("settled", dead);
  const text = await metrics.prometheus();
  expect(text).toContain('waybill_settled_total{queue="default",type="known",outcome="dead"} 1\n');
  expect(text).toContain(`waybill_settled_total{queue="default",type="other",outcome="dead"} ${MANY}\n`);
});

test("24,000 registered types and queues are no more than the stated limits", async () => {
  const events = new EventBus();
  const metrics = jobMetrics({ events });
  for (let at = 0; at < MANY; at += 1) {
    events.types.add(`t${at}`);
    const one = { ...named, type: `t${at}`, queue: `q${at * 7}`, id: String(at) };
    events.emit("started", one);
    events.emit("finished", { ...one, outcome: "completed", durationMs: 1 });
  }
  expect((await metrics.prometheus()).length).toBeLessThan(MOST_BYTES);
});

test("of 24,000 queues in the backend the largest are shown, and the rest in one row", async () => {
  const counts = Array.from({ length: MANY }, (_, at): QueueCounts => {
    return { queue: `q${at}`, ready: at, delayed: 0, leased: 0, dead: 0, finished: 0, oldestWaitMs: at };
  });
  const inspector = { counts: async () => counts } as never;
  const text = await jobMetrics({ events: new EventBus(), inspector }).prometheus();
  expect(text).toContain(`waybill_jobs{queue="q${MANY - 1}",state="ready"} ${MANY - 1}\n`);
  const ready = [...text.matchAll(/state="ready"\} (\d+)/g)].map(([, value]) => Number(value));
  expect(ready).toHaveLength(201);
  expect(ready.reduce((sum, value) => sum + value, 0)).toBe((MANY * (MANY - 1)) / 2);
  expect(text).toContain(`waybill_oldest_ready_seconds{queue="other"} ${(MANY - 201) / 1_000}\n`);
});

test("OpenTelemetry's attributes are bounded in the same way, whatever types, queues and codes come", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const traced = telemetry({ meterProvider });
  const from = { name: "memory" };
  for (let at = 0; at < 3_000; at += 1) {
    const job = { ...named, id: String(at), type: `t${at}`, queue: `q${at}` };
    const start = { ...job, from, registered: at % 2 === 0, body: "", trace: null };
    traced.process(start).end({ ...job, outcome: "dead", durationMs: 1, reason: { code: `C${at}`, message: "" } });
    traced.settled({ from, queue: job.queue, operation: "ack", durationMs: 1, error: null });
    const error = Object.assign(new Error("no"), { code: `E${at}` });
    traced.send({ ...job, to: from, trace: null, carries: false }).end({ body: "", stored: false, error });
  }
  await reader.forceFlush();
  const seen = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  expect(seen.length).toBe(5);
  for (const { dataPoints } of seen) {
    for (const name of ["messaging.destination.name", "waybill.job.type", "error.type", "waybill.reason"]) {
      const values = new Set(dataPoints.map(({ attributes }) => attributes[name]));
      expect(values.size).toBeLessThanOrEqual(202);
    }
  }
  await meterProvider.shutdown();
});
