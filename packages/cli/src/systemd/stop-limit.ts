import type { Duration } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";

/** The steps of a shutdown, each with its limit. */
export interface StopLimits {
  readonly drain: Duration;
  readonly abort: Duration;
  readonly close: Duration;
}

/** For the close of the connection, the last spans and a busy machine. */
const MARGIN_MS = 5_000;

/** Returns the whole seconds after which systemd may kill the worker: its own limits have passed by then. */
export function stopSeconds(limits: StopLimits): number {
  const steps = (["drain", "abort", "close"] as const).map((name) => durationMs(limits[name], `--${name}`));
  return Math.ceil((steps.reduce((sum, ms) => sum + ms, 0) + MARGIN_MS) / 1_000);
}
