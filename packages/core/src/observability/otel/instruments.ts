import { type Attributes, type Counter, type Histogram, type MeterProvider, metrics } from "@opentelemetry/api";
import { LabelValues } from "../metrics/label-values.ts";
import { SCOPE } from "./scope.ts";

/**
 * Instruments with the names and units of the messaging conventions; those do not define the last six. Each attribute has at most
 * 200 values, then `other`, since producers and handlers choose some of them.
 */
export interface Instruments {
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly operations: Histogram;
  readonly runs: Histogram;
  readonly waits: Histogram;
  readonly outcomes: Counter;
  readonly failed: Counter;
  readonly cancelled: Counter;
  readonly duplicates: Counter;
  readonly ticks: Counter;
}

/** In seconds, as the conventions recommend. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** In seconds. Jobs wait longer than they run. */
const WAIT_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600];

/**
 * Returns a function that returns the instruments of the current provider. A provider that is registered after the first job
 * is used too; the API does that for tracers alone.
 */
export function instrumentsOf(given: MeterProvider | undefined): () => Instruments {
  let provider: MeterProvider | null = null;
  let made: Instruments | null = null;
  return () => {
    const current = given ?? metrics.getMeterProvider();
    if (made !== null && provider === current) return made;
    provider = current;
    return (made = madeBy(current));
  };
}

function madeBy(provider: MeterProvider): Instruments {
  const meter = provider.getMeter(SCOPE);
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: BOUNDS } };
  const messages = { unit: "{message}" };
  const shown = boundedAttributes();
  const counter = (made: Counter): Counter => ({ add: (value, attributes = {}) => made.add(value, shown(attributes)) });
  const histogram = (made: Histogram): Histogram => ({
    record: (value, attributes = {}) => made.record(value, shown(attributes)),
  });
  return {
    sent: counter(
      meter.createCounter("messaging.client.sent.messages", {
        description: "Jobs that a producer handed to the backend, stored or not.",
        ...messages,
      }),
    ),
    consumed: counter(
      meter.createCounter("messaging.client.consumed.messages", {
        description: "Deliveries that came to be judged, and run unless that refused them.",
        ...messages,
      }),
    ),
    operations: histogram(
      meter.createHistogram("messaging.client.operation.duration", {
        description: "How long the backend took to store or to settle one job.",
        ...seconds,
      }),
    ),
    runs: histogram(
      meter.createHistogram("messaging.process.duration", {
        description: "How long a delivery took from its arrival in a place to its outcome.",
        ...seconds,
      }),
    ),
    waits: histogram(
      meter.createHistogram("waybill.process.wait", {
        description: "How long a job waited from when it was due until its handler was called.",
        unit: "s",
        advice: { explicitBucketBoundaries: WAIT_BOUNDS },
      }),
    ),
    outcomes: counter(
      meter.createCounter("waybill.process.outcomes", {
        description: "How deliveries ended, by job type, outcome and reason.",
        unit: "{job}",
      }),
    ),
    failed: counter(
      meter.createCounter("waybill.enqueue.failures", {
        description: "Jobs that the backend did not store, by code.",
        unit: "{job}",
      }),
    ),
    cancelled: counter(
      meter.createCounter("waybill.jobs.cancelled", {
        description: "Jobs that waited and were cancelled by this process.",
        unit: "{job}",
      }),
    ),
    duplicates: counter(
      meter.createCounter("waybill.jobs.duplicates", {
        description: "Jobs enqueued whose unique key another job had, by result.",
        unit: "{job}",
      }),
    ),
    ticks: counter(
      meter.createCounter("waybill.schedule.ticks", {
        description: "Ticks of schedules that this process fired or skipped, by result.",
        unit: "{tick}",
      }),
    ),
  };
}

function boundedAttributes(): (attributes: Attributes) => Attributes {
  const values = new Map<string, LabelValues>();
  const valuesOf = (name: string): LabelValues => {
    const known = values.get(name) ?? new LabelValues();
    values.set(name, known);
    return known;
  };
  return (attributes) =>
    Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        typeof value === "string" ? valuesOf(name).shown(value) : value,
      ]),
    );
}
