import { type MeterProvider, type TracerProvider, trace } from "@opentelemetry/api";
import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";
import type { Settling, Telemetry } from "../telemetry.ts";
import { errorCode } from "../../values/thrown.ts";
import { countEvents } from "./event-counts.ts";
import { type Instruments, instrumentsOf } from "./instruments.ts";
import { originAttributes } from "./origin.ts";
import { type ProducerAs, startProcess } from "./process-span.ts";
import { SCOPE } from "./scope.ts";
import { startSend } from "./send-span.ts";

export type {
  Processing,
  ProcessStart,
  Sending,
  SendStart,
  Sent,
  Settling,
  Telemetry,
  TraceContext,
} from "../telemetry.ts";
export type { Origin } from "../../job/delivery.ts";
export { exportGauges, type GaugeOptions } from "./gauges.ts";

/** Options of `telemetry`. */
export interface TelemetryOptions {
  /**
   * "parent": the producer's span is the parent of the run's, so that one trace leads from the request to the handler.
   * "link": it is only linked, and each run is a trace of its own. Default "parent".
   */
  readonly producer?: ProducerAs | undefined;
  /** Default: the one registered globally, then or later. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Default: the one registered globally, then or later. */
  readonly meterProvider?: MeterProvider | undefined;
}

const TELEMETRY_OPTIONS: OptionNames<TelemetryOptions> = { producer: true, tracerProvider: true, meterProvider: true };

/**
 * Returns a telemetry that records spans and metrics with OpenTelemetry, named by its messaging conventions. For `connect` and
 * `createReceiver`. Without an SDK in the program it costs next to nothing. Throws `CONFIG_INVALID` for an option that cannot work.
 */
export function telemetry(options: TelemetryOptions = {}): Telemetry {
  assertKnownOptions(options, TELEMETRY_OPTIONS, "the options of telemetry");
  const { producer = "parent", tracerProvider, meterProvider } = options;
  if (producer !== "parent" && producer !== "link")
    throw new WaybillError("CONFIG_INVALID", `producer of telemetry is ${describeValue(producer)}: "parent" or "link"`);
  const tracer = (tracerProvider ?? trace).getTracer(SCOPE);
  const instruments = instrumentsOf(meterProvider);
  return {
    send: (job) => startSend(job, tracer, instruments),
    process: (delivery) => startProcess(delivery, producer, tracer, instruments),
    settled: (settling) => recordSettle(settling, instruments()),
    listen: (events) => countEvents(events, instruments),
  };
}

/**
 * Records a settle as a measurement without a span: most settles share one call of the backend, and a span for each would double
 * the cost of tracing a job.
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
