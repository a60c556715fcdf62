import type { Doctor } from "../../backend/doctor.ts";
import type { Inspector } from "../../backend/inspector.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";
import type { Duration } from "../../time/duration.ts";
import { member } from "../../values/any-value.ts";
import type { EventBus } from "../events.ts";

/** The object to measure: a connection, or a receiver, which has events alone. */
export interface Measured {
  readonly events: EventBus;
  /** Omitted or null: the jobs in the backend are not counted. */
  readonly inspector?: Inspector | null;
  /** Lists the live workers. Omitted, or where it rejects: the metrics of the workers of every process are omitted. */
  readonly workers?: () => Promise<LiveWorker[]>;
  /** Reports the memory of the backend's server. Omitted or null, or where it has none: those metrics are omitted. */
  readonly doctor?: Doctor | null;
}

/** Options of `jobMetrics`. */
export interface MetricsOptions {
  /**
   * Job types to show by name besides those that this program registered or enqueued by a definition: for types that it
   * enqueues by name, stores for others, or forwards. Any other type is counted as `other`. Default none.
   */
  readonly types?: readonly string[] | undefined;
  /** Upper bounds of the run times, in seconds, in rising order. */
  readonly runBuckets?: readonly number[] | undefined;
  /** Upper bounds of the waits from due to start, in seconds, in rising order. */
  readonly waitBuckets?: readonly number[] | undefined;
  /** In how much time the workers of `waybill_desired_workers` are to run what waits. Default "1m". */
  readonly drainTarget?: Duration | undefined;
}

const OPTIONS: OptionNames<MetricsOptions> = { drainTarget: true, runBuckets: true, types: true, waitBuckets: true };

/** Throws `CONFIG_INVALID` for what `jobMetrics` cannot count, and for options that cannot work. */
export function checkMetrics(measured: Measured, options: MetricsOptions): void {
  if (typeof member(member(measured, "events"), "on") !== "function")
    throw refuse(
      `jobMetrics got ${describeValue(measured)}: pass what \`await connect(url)\` or createReceiver(…) returned`,
    );
  assertKnownOptions(options, OPTIONS, "the options of jobMetrics");
  const types: unknown = options.types ?? [];
  if (!Array.isArray(types) || !types.every((type) => typeof type === "string"))
    throw refuse(`types of jobMetrics is ${describeValue(types)}: pass a list of job types, such as ["receipt.send"]`);
  for (const name of ["runBuckets", "waitBuckets"] as const) {
    const buckets: unknown = options[name] ?? [];
    if (!Array.isArray(buckets) || !buckets.every((bound, at) => isBound(bound) && !(bound <= buckets[at - 1])))
      throw refuse(
        `${name} of jobMetrics is ${Array.isArray(buckets) ? `[${buckets.join(", ")}]` : describeValue(buckets)}: pass seconds in rising order, such as [0.1, 1, 10]`,
      );
  }
}

const isBound = (value: unknown): value is number => typeof value === "number" && value > 0;

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
