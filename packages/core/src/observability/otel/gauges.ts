import { type Attributes, type MeterProvider, metrics as api, type ObservableGauge } from "@opentelemetry/api";
import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue } from "../../known-options.ts";
import { member } from "../../values/any-value.ts";
import type { Metric } from "../metrics/exposition.ts";
import { SCOPE } from "./scope.ts";

/** Options of `exportGauges`. */
export interface GaugeOptions {
  /** Default: the one registered globally when `exportGauges` is called. */
  readonly meterProvider?: MeterProvider | undefined;
}

/** Our gauges by their names in a scrape: the name and the unit of each in OpenTelemetry. */
const GAUGES: Readonly<Record<string, readonly [name: string, unit: string]>> = {
  waybill_backend_up: ["waybill.backend.up", "1"],
  waybill_backend_memory_bytes: ["waybill.backend.memory.usage", "By"],
  waybill_backend_memory_limit_bytes: ["waybill.backend.memory.limit", "By"],
  waybill_backend_memory_ratio: ["waybill.backend.memory.ratio", "1"],
  waybill_jobs: ["waybill.jobs", "{job}"],
  waybill_oldest_ready_seconds: ["waybill.jobs.oldest_ready", "s"],
  waybill_jobs_without_worker: ["waybill.jobs.without_worker", "{job}"],
  waybill_workers: ["waybill.workers", "{worker}"],
  waybill_workers_slots: ["waybill.workers.slots", "{slot}"],
  waybill_workers_running: ["waybill.workers.running", "{job}"],
  waybill_running: ["waybill.running", "{job}"],
  waybill_slots: ["waybill.slots", "{slot}"],
  waybill_utilisation: ["waybill.utilisation", "1"],
  waybill_runs_per_second: ["waybill.runs.rate", "{job}/s"],
  waybill_mean_run_seconds: ["waybill.runs.mean_duration", "s"],
  waybill_drain_seconds: ["waybill.drain", "s"],
  waybill_desired_workers: ["waybill.workers.desired", "{worker}"],
};

const ATTRIBUTES: Readonly<Record<string, string>> = { queue: "messaging.destination.name", state: "waybill.state" };

/**
 * Exports the gauges of a `JobMetrics` by OpenTelemetry: backlog, slots, drain, desired workers. They are read each time that the
 * SDK collects. Counters and durations come from `telemetry`. Returns a function that ends it. Throws `CONFIG_INVALID` for an
 * unknown option and for what is no `JobMetrics`.
 */
export function exportGauges(metrics: { read(): Promise<readonly Metric[]> }, options: GaugeOptions = {}): () => void {
  assertKnownOptions(options, { meterProvider: true }, "the options of exportGauges");
  if (typeof member(metrics, "read") !== "function")
    throw new WaybillError(
      "CONFIG_INVALID",
      `exportGauges got ${describeValue(metrics)}: pass what jobMetrics(…) returned`,
    );
  const meter = (options.meterProvider ?? api.getMeterProvider()).getMeter(SCOPE);
  const gauges = new Map<string, ObservableGauge>(
    Object.entries(GAUGES).map(([shown, [name, unit]]) => [shown, meter.createObservableGauge(name, { unit })]),
  );
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
    for (const { name, samples } of await metrics.read()) {
      const gauge = gauges.get(name);
      if (gauge === undefined) continue;
      for (const { labels, value } of samples) result.observe(gauge, value, attributesOf(labels));
    }
  };
  const all = [...gauges.values()];
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}

const attributesOf = (labels: Readonly<Record<string, string>>): Attributes =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [ATTRIBUTES[name] ?? `waybill.${name}`, value]));
