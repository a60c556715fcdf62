import { setTimeout as sleep } from "node:timers/promises";
import { describeError, type Jobs, type Telemetry, type Worker } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { exportGauges, telemetry } from "@waybill/core/otel";
import { printNote } from "../output/print.ts";
import type { Exporting } from "./asked.ts";
import { startExporters } from "./exporters.ts";

/** The OpenTelemetry of a worker process. */
export interface ProcessTelemetry {
  /** For `connect`. */
  readonly telemetry: Telemetry;
  /** Exports the gauges of this worker until it shuts down. */
  measure(jobs: Jobs, worker: Worker): void;
  /** Sends what is left, for at most 2 s. Never rejects. */
  end(): Promise<void>;
}

/** The steps of a shutdown take up to 27 s, and platforms kill after 30 s. */
const FLUSH_MS = 2_000;

/** Starts what is asked for. Rejects `UsageError` where it is not installed. */
export async function startTelemetry(exporting: Exporting): Promise<ProcessTelemetry> {
  const exporters = await startExporters(exporting);
  return {
    telemetry: telemetry(),
    measure(jobs, worker) {
      const metrics = jobMetrics(jobs);
      // The last export comes after the connection was closed, and would say that the backend is away.
      const isOpen = (): boolean => !["draining", "stopped"].includes(worker.health().state);
      exportGauges({ read: async () => (isOpen() ? metrics.read() : []) });
    },
    async end() {
      const late = sleep(FLUSH_MS, `the collector did not take them within ${FLUSH_MS / 1_000} s`);
      const fault = await Promise.race([exporters.flush().then(() => null, describeError), late]);
      if (fault !== null) printNote(`OpenTelemetry: the last spans and metrics are lost: ${fault}`);
    },
  };
}
