import { type Counter, type Histogram, type MeterProvider, metrics } from "@opentelemetry/api";
import { SCOPE } from "./scope.ts";

/** Names and units of the messaging conventions; the last is ours, for want of one there. */
export interface Instruments {
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly operations: Histogram;
  readonly runs: Histogram;
  readonly outcomes: Counter;
}

/** In seconds, as the conventions have them. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * The instruments of the provider that is there when they are asked for: one that is registered later than the first job is
 * found too, which the API does for tracers alone.
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
  return {
    sent: meter.createCounter("messaging.client.sent.messages", {
      description: "Jobs that a producer handed to the backend, stored or not.",
      ...messages,
    }),
    consumed: meter.createCounter("messaging.client.consumed.messages", {
      description: "Deliveries that came to be judged, and run unless that refused them.",
      ...messages,
    }),
    operations: meter.createHistogram("messaging.client.operation.duration", {
      description: "How long the backend took to store or to settle one job.",
      ...seconds,
    }),
    runs: meter.createHistogram("messaging.process.duration", {
      description: "How long a delivery took from its arrival in a place to its outcome.",
      ...seconds,
    }),
    outcomes: meter.createCounter("waybill.process.outcomes", {
      description: "How deliveries ended, by job type, outcome and reason.",
      unit: "{job}",
    }),
  };
}
