import { type MeterProvider, type TracerProvider, trace } from "@opentelemetry/api";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";
import type { Settling, Telemetry } from "../telemetry.ts";
import { errorCode } from "../thrown.ts";
import { type Instruments, instrumentsOf } from "./instruments.ts";
import { originAttributes } from "./origin.ts";
import { type ProducerAs, startProcess } from "./process-span.ts";
import { SCOPE } from "./scope.ts";
import { startSend } from "./send-span.ts";

export type {
  Origin,
  Processing,
  ProcessStart,
  Sending,
  SendStart,
  Sent,
  Settling,
  Telemetry,
  TraceContext,
} from "../telemetry.ts";

/** How runs are traced, and by which providers. */
export interface TelemetryOptions {
  /**
   * What the producer's span is to the run's: its "parent", so that one trace leads from the request to the handler, or
   * only a "link", where runs are to be traces of their own. Default "parent".
   */
  readonly producer?: ProducerAs;
  /** Default: the one registered globally, then or later. */
  readonly tracerProvider?: TracerProvider;
  /** Default: the one registered globally, then or later. */
  readonly meterProvider?: MeterProvider;
}

const TELEMETRY_OPTIONS: OptionNames<TelemetryOptions> = { producer: true, tracerProvider: true, meterProvider: true };

/**
 * OpenTelemetry's spans and metrics. For `connect` and `createReceiver`, named by its messaging conventions. Without
 * an SDK in the program it does next to nothing.
 */
export function telemetry(options: TelemetryOptions = {}): Telemetry {
  assertKnownOptions(options, TELEMETRY_OPTIONS, "the options of telemetry");
  const { producer = "parent", tracerProvider, meterProvider } = options;
  const tracer = (tracerProvider ?? trace).getTracer(SCOPE);
  const instruments = instrumentsOf(meterProvider);
  return {
    send: (job) => startSend(job, tracer, instruments),
    process: (delivery) => startProcess(delivery, producer, tracer, instruments),
    settled: (settling) => recordSettle(settling, instruments()),
  };
}

/**
 * Measured, and no span: most settles share one call of the backend, and each would double what a job costs to trace.
 */
function recordSettle({ from, queue, operation, durationMs, error }: Settling, { operations }: Instruments): void {
  operations.record(durationMs / 1_000, {
    ...originAttributes(from),
    "messaging.operation.name": operation,
    "messaging.operation.type": "settle",
    "messaging.destination.name": queue,
    ...(error && { "error.type": errorCode(error) }),
  });
}
