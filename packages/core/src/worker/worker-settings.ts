import type { Capabilities } from "../backend/capabilities.ts";
import { WaybillError } from "../errors.ts";
import { assertSchedules } from "../features/schedules/define-schedule.ts";
import { assertDefinitions } from "../job/check-definition.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { ANY_TYPE } from "../job/forward-every.ts";
import type { Middleware } from "../job/middleware.ts";
import { assertKnownOptions, assertGuardOptions, type OptionNames, describeValue } from "../known-options.ts";
import { timerMs } from "../time/duration.ts";
import { type LimitNumbers, limitNumbers } from "../features/limits/limit-numbers.ts";
import { queueSettings } from "./queue-settings.ts";
import type { ShutdownLimits, WorkerOptions } from "./worker-options.ts";

const WORKER_OPTIONS: OptionNames<WorkerOptions> = {
  jobs: true,
  queues: true,
  concurrency: true,
  prefetch: true,
  typeConcurrency: true,
  lease: true,
  shutdown: true,
  heartbeat: true,
  maxLost: true,
  maxMemoryBytes: true,
  shutdownFile: true,
  signatures: true,
  keys: true,
  middleware: true,
  schedules: true,
  canary: true,
};

const SHUTDOWN_LIMITS: OptionNames<ShutdownLimits> = { drain: true, abort: true, close: true };

/** The options of a worker with defaults filled in and durations in milliseconds. */
export interface WorkerSettings {
  /** The weight of each queue. */
  readonly queues: ReadonlyMap<string, number>;
  readonly numbers: LimitNumbers;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly typeConcurrency: ReadonlyMap<string, number>;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly drainMs: number;
  readonly abortMs: number;
  readonly closeMs: number;
  readonly maxLost: number;
  /** Infinity: no limit. */
  readonly maxMemoryBytes: number;
  readonly middleware: readonly Middleware[];
  /** Null: no canary jobs. */
  readonly canaryMs: number | null;
}

/**
 * Throws `CONFIG_INVALID` for an option that cannot work, and `CAPABILITY_MISSING` for a lease or a limit that the backend cannot
 * keep. The error names the option.
 */
export function workerSettings(options: WorkerOptions, has: Capabilities): WorkerSettings {
  assertKnownOptions(options, WORKER_OPTIONS, "the options of worker");
  assertGuardOptions(options, ["keys", "signatures"], "the options of worker");
  if (options.jobs === undefined)
    throw refuse("worker() got no `jobs`: pass the definitions it runs, as in { jobs: [sendReceipt] }");
  assertDefinitions(options.jobs, "jobs of the worker");
  const { jobs, concurrency = 10, prefetch = 500, maxLost = 20, maxMemoryBytes = Infinity } = options;
  const { shutdown = {}, middleware = [] } = options;
  assertKnownOptions(shutdown, SHUTDOWN_LIMITS, "the shutdown limits of the worker");
  if (!Array.isArray(middleware) || !middleware.every((one) => typeof one === "function")) {
    throw refuse(`middleware is ${describeValue(middleware)}: pass a list of functions of (job, next)`);
  }
  assertSchedules(options.schedules ?? [], "schedules of the worker");
  if (jobs.length === 0) throw refuse("a worker needs at least one job; pass its definitions in `jobs`");
  const { weights, limits } = queueSettings(options.queues ?? jobs.map((job) => job.queue));
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw refuse(`concurrency is ${describeValue(concurrency)}: a whole number from 1${asText(concurrency)}`);
  if (!Number.isSafeInteger(prefetch) || prefetch < 0)
    throw refuse(`prefetch is ${describeValue(prefetch)}: a whole number from 0`);
  if (!Number.isSafeInteger(maxLost) || maxLost < 1)
    throw refuse(`maxLost is ${describeValue(maxLost)}: a whole number from 1`);
  if (options.keys !== undefined && options.signatures === undefined) {
    throw refuse("a worker's `keys` verify where `signatures` says so; give it, or leave the keys out");
  }
  if (!(maxMemoryBytes > 0)) throw refuse(`maxMemoryBytes is ${describeValue(maxMemoryBytes)}: bytes, more than 0`);
  const leaseMs = timerMs(options.lease ?? "30s", "lease");
  if (leaseMs < 100) throw refuse(`lease is ${leaseMs} ms: at least 100 ms, and long enough for a busy event loop`);
  const heartbeatMs = timerMs(options.heartbeat ?? "10s", "heartbeat");
  if (heartbeatMs < 100) throw refuse(`heartbeat is ${heartbeatMs} ms: at least 100 ms`);
  if (has.maxLeaseMs > 0 && leaseMs > has.maxLeaseMs) {
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `lease is ${leaseMs} ms; this backend allows ${has.maxLeaseMs} ms at most`,
    );
  }
  return {
    queues: weights,
    numbers: limitNumbers(jobs, limits),
    concurrency,
    prefetch,
    typeConcurrency: typeLimitsOf(options.typeConcurrency ?? {}, jobs, has),
    leaseMs,
    heartbeatMs,
    drainMs: timerMs(shutdown.drain ?? "20s", "shutdown.drain"),
    abortMs: timerMs(shutdown.abort ?? "4s", "shutdown.abort"),
    closeMs: timerMs(shutdown.close ?? "3s", "shutdown.close"),
    maxLost,
    maxMemoryBytes,
    middleware,
    canaryMs: options.canary === undefined ? null : canaryMsOf(options.canary),
  };
}

function canaryMsOf(canary: NonNullable<WorkerOptions["canary"]>): number {
  const ms = timerMs(canary, "canary");
  if (Number.isInteger(ms) && ms >= 1_000) return ms;
  throw refuse(`canary is ${ms} ms: whole milliseconds, at least "1s"`);
}

function typeLimitsOf(
  limits: NonNullable<WorkerOptions["typeConcurrency"]>,
  jobs: readonly JobDefinition[],
  has: Capabilities,
): ReadonlyMap<string, number> {
  if (typeof limits !== "object") {
    throw refuse(`typeConcurrency is ${describeValue(limits)}: pass limits by type, such as { "photo.resize": 2 }`);
  }
  const pairs = Object.entries(limits);
  for (const [type, most] of pairs) {
    if (type === ANY_TYPE || !jobs.some((job) => job.type === type || job.type === ANY_TYPE))
      throw refuse(`typeConcurrency names "${type}", which is none of the worker's jobs: name the type of one of them`);
    if (!Number.isSafeInteger(most) || most < 1)
      throw refuse(`typeConcurrency of "${type}" is ${describeValue(most)}: a whole number from 1`);
  }
  if (pairs.length > 0 && has.countsDeliveries === true)
    throw new WaybillError(
      "CAPABILITY_MISSING",
      "this backend counts a release as an attempt, so typeConcurrency would use up the attempts of jobs; give the type a worker of its own",
    );
  return new Map(pairs);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/** Added to the error for a number that is a string, as environment variables are. */
const asText = (value: unknown): string => (typeof value === "string" ? ", and no text: Number(…) makes one" : "");
