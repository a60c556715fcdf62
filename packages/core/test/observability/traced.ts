import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect } from "vitest";
import type { Jobs, Telemetry } from "../../src/index.ts";
import { telemetry, type TelemetryOptions } from "../../src/observability/otel/index.ts";
import { settledCount } from "../helpers/connected.ts";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

export interface Measurement {
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of a counter its sum, of a histogram its count. */
  readonly value: number;
}

export interface Traced {
  readonly telemetry: Telemetry;
  readonly provider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
  /** Ended, in the order in which they ended. */
  spans(name?: string): ReadableSpan[];
  /** The only one of that name. */
  span(name: string): ReadableSpan;
  measured(name: string): Promise<Measurement[]>;
  /** Runs `work` within a span of its own, ends that, and answers it. */
  within(name: string, work: () => Promise<unknown>): Promise<ReadableSpan>;
}

/** OpenTelemetry's own SDK, with what it exports at hand. */
export function traced(options: TelemetryOptions = {}): Traced {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
  });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const spans = (name?: string): ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name);
  return {
    telemetry: telemetry({ tracerProvider: provider, meterProvider, ...options }),
    provider,
    meterProvider,
    spans,
    span(name) {
      const found = spans(name);
      expect(found, name).toHaveLength(1);
      return found[0] as ReadableSpan;
    },
    async measured(name) {
      const { resourceMetrics } = await reader.collect();
      const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
      return metrics
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(({ attributes, value }) => ({
            unit: descriptor.unit,
            attributes,
            value: typeof value === "number" ? value : value.count,
          })),
        );
    },
    within: (name, work) =>
      provider.getTracer("test").startActiveSpan(name, async (span) => {
        await work();
        span.end();
        return span as unknown as ReadableSpan;
      }),
  };
}

/** What a test compares of a span's place in its trace. */
export const placeOf = (span: ReadableSpan): object => ({
  traceId: span.spanContext().traceId,
  parent: span.parentSpanContext?.spanId,
});

/** The place of a child. */
export const below = (span: ReadableSpan): object => ({
  traceId: span.spanContext().traceId,
  parent: span.spanContext().spanId,
});

/** Runs the jobs that wait, until `count` are settled. */
export async function runAll(
  jobs: Jobs,
  definitions: Parameters<Jobs["worker"]>[0]["jobs"],
  count: number,
): Promise<void> {
  const settled = settledCount(jobs, count);
  const worker = jobs.worker({ jobs: definitions });
  await worker.start();
  await settled;
  await worker.stop();
}
