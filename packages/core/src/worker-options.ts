import { ANY_TYPE } from "./any-job.ts";
import type { Capabilities } from "./capabilities.ts";
import { assertDefinitions } from "./check-definition.ts";
import { assertQueue, type JobDefinition } from "./define-job.ts";
import { type Duration, timerMs } from "./duration.ts";
import { WaybillError } from "./errors.ts";
import { assertKnownOptions, type OptionNames, shown } from "./known-options.ts";
import type { Middleware } from "./middleware.ts";
import type { SignaturePolicies } from "./signature-policy.ts";
import type { KeyRing } from "./signing.ts";

/** How long each step of a shutdown may take. The defaults fit a platform that kills after 30 s, `close` of the connection included. */
export interface ShutdownLimits {
  /** Running jobs may finish for this long. Default "20s". */
  readonly drain?: Duration;
  /** Then their signals abort, and they may end for this long. Default "4s". */
  readonly abort?: Duration;
  /** Then settles may end for this long; the connection has its own `closeTimeout`. Default "3s". */
  readonly close?: Duration;
}

/** Which jobs run here, how many at once, and how it ends. */
export interface WorkerOptions {
  /** Definitions with handlers. Two of one type are an error. */
  readonly jobs: readonly JobDefinition[];
  /**
   * Their names, or each with a weight: `{ mailers: 3, default: 1 }` starts three of one for each of the other while
   * both have work; what one leaves is the other's, and none starves. Default: the queues of the definitions, alike.
   */
  readonly queues?: readonly string[] | { readonly [queue: string]: number };
  /** Jobs running at once in this process, over all its queues. Default 10. */
  readonly concurrency?: number;
  /**
   * The most quick jobs, as many as end in a tenth of a second, that are leased before a place is free, and the most
   * outcomes being stored meanwhile. When the process ends, as many finished jobs, and up to `concurrency` − 1 more, may run
   * again. 0: no more leases than `concurrency`, at some speed. Default 500.
   */
  readonly fetchAhead?: number;
  /**
   * The most of one type at once in this worker, each from 1: `{ "photo.resize": 2 }`. What comes beyond is put back for
   * a second or two, uncounted. Where many of them wait, give the type a queue of its own. Absent: no limit of its own.
   */
  readonly typeConcurrency?: { readonly [type: string]: number };
  /** A worker that dies is noticed after this long; extended while a job runs. Default "30s". */
  readonly lease?: Duration;
  /** How long each step of its end may take. Default: 27 s in all. */
  readonly shutdown?: ShutdownLimits;
  /** How often the worker says that it lives; silent for three times as long, `jobs.workers()` lists it no more. Default "10s". */
  readonly heartbeat?: Duration;
  /**
   * Deliveries that may end with their worker gone before the job is dead-lettered `WORKER_LOST`. From half as many on, a
   * worker runs one such job at a time, so that innocents are not buried beside what kills it. Default 20.
   */
  readonly maxLost?: number;
  /**
   * Resident memory of the process past which the worker stops as on SIGTERM: what runs may finish, the rest is handed
   * back, and a supervisor starts a fresh process. For handlers that leak. Absent: no limit.
   */
  readonly maxMemoryBytes?: number;
  /**
   * Which jobs run by their producer's signature: one policy for all queues of the worker, or `{ payments: "required" }`,
   * where queues not named are "off". Default "off". A refused job is dead-lettered `SIGNATURE_INVALID` as it came.
   */
  readonly signatures?: SignaturePolicies;
  /** What `signatures` verify with. Default: the connection's `keys`; a worker may have others, and sign nothing. */
  readonly keys?: KeyRing | string | readonly string[];
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[];
}

const WORKER_OPTIONS: OptionNames<WorkerOptions> = {
  jobs: true,
  queues: true,
  concurrency: true,
  fetchAhead: true,
  typeConcurrency: true,
  lease: true,
  shutdown: true,
  heartbeat: true,
  maxLost: true,
  maxMemoryBytes: true,
  signatures: true,
  keys: true,
  middleware: true,
};

const SHUTDOWN_LIMITS: OptionNames<ShutdownLimits> = { drain: true, abort: true, close: true };

/** The options with every default filled and every duration in milliseconds. */
export interface WorkerSettings {
  /** The weight of each. */
  readonly queues: ReadonlyMap<string, number>;
  readonly concurrency: number;
  readonly fetchAhead: number;
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
}

/** Throws `CONFIG_INVALID` naming the option, or `CAPABILITY_MISSING` for a lease the backend cannot give. */
export function workerSettings(options: WorkerOptions, has: Capabilities): WorkerSettings {
  assertKnownOptions(options, WORKER_OPTIONS, "the options of worker");
  if (options.jobs === undefined)
    throw refuse("worker() got no `jobs`: pass the definitions it runs, as in { jobs: [sendReceipt] }");
  assertDefinitions(options.jobs, "jobs of the worker");
  const { jobs, concurrency = 10, fetchAhead = 500, maxLost = 20, maxMemoryBytes = Infinity } = options;
  const { shutdown = {}, middleware = [] } = options;
  assertKnownOptions(shutdown, SHUTDOWN_LIMITS, "the shutdown limits of the worker");
  if (!Array.isArray(middleware) || !middleware.every((one) => typeof one === "function")) {
    throw refuse(`middleware is ${shown(middleware)}: pass a list of functions of (job, next)`);
  }
  if (jobs.length === 0) throw refuse("a worker needs at least one job; pass its definitions in `jobs`");
  const queues = weightsOf(options.queues ?? jobs.map((job) => job.queue));
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw refuse(`concurrency is ${concurrency}: a whole number from 1`);
  if (!Number.isSafeInteger(fetchAhead) || fetchAhead < 0)
    throw refuse(`fetchAhead is ${fetchAhead}: a whole number from 0`);
  if (!Number.isSafeInteger(maxLost) || maxLost < 1) throw refuse(`maxLost is ${maxLost}: a whole number from 1`);
  if (options.keys !== undefined && options.signatures === undefined) {
    throw refuse("a worker's `keys` verify where `signatures` says so; give it, or leave the keys out");
  }
  if (!(maxMemoryBytes > 0)) throw refuse(`maxMemoryBytes is ${maxMemoryBytes}: bytes, more than 0`);
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
    queues,
    concurrency,
    fetchAhead,
    typeConcurrency: typeLimitsOf(options.typeConcurrency ?? {}, jobs, has),
    leaseMs,
    heartbeatMs,
    drainMs: timerMs(shutdown.drain ?? "20s", "shutdown.drain"),
    abortMs: timerMs(shutdown.abort ?? "4s", "shutdown.abort"),
    closeMs: timerMs(shutdown.close ?? "3s", "shutdown.close"),
    maxLost,
    maxMemoryBytes,
    middleware,
  };
}

function weightsOf(queues: NonNullable<WorkerOptions["queues"]>): ReadonlyMap<string, number> {
  const pairs = isList(queues) ? queues.map((queue): [string, number] => [queue, 1]) : Object.entries(queues);
  if (pairs.length === 0) throw refuse("`queues` is empty; name at least one, or leave it out");
  for (const [queue, weight] of pairs) {
    assertQueue(queue, "a queue of the worker");
    if (!Number.isSafeInteger(weight) || weight < 1 || weight > MOST_WEIGHT)
      throw refuse(`the weight of queue "${queue}" is ${weight}: a whole number from 1 to ${MOST_WEIGHT}`);
  }
  return new Map(pairs);
}

function isList(queues: NonNullable<WorkerOptions["queues"]>): queues is readonly string[] {
  return Array.isArray(queues);
}

function typeLimitsOf(
  limits: NonNullable<WorkerOptions["typeConcurrency"]>,
  jobs: readonly JobDefinition[],
  has: Capabilities,
): ReadonlyMap<string, number> {
  const pairs = Object.entries(limits);
  for (const [type, most] of pairs) {
    if (type === ANY_TYPE || !jobs.some((job) => job.type === type || job.type === ANY_TYPE))
      throw refuse(`typeConcurrency names "${type}", which is none of the worker's jobs`);
    if (!Number.isSafeInteger(most) || most < 1)
      throw refuse(`typeConcurrency of "${type}" is ${most}: a whole number from 1`);
  }
  if (pairs.length > 0 && has.countsDeliveries === true)
    throw new WaybillError(
      "CAPABILITY_MISSING",
      "this backend counts a job that is put back as an attempt, so typeConcurrency would use them up; give the type a worker of its own",
    );
  return new Map(pairs);
}

/** Of one queue: more would let another wait for longer than anybody means. */
const MOST_WEIGHT = 1_000;

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
