import type { Capabilities } from "./capabilities.ts";
import { assertQueue, type JobDefinition } from "./define-job.ts";
import { type Duration, timerMs } from "./duration.ts";
import { WaybillError } from "./errors.ts";
import type { Middleware } from "./middleware.ts";

/** How long each step of a shutdown may take. The defaults fit a platform that kills after 30 s, `close` of the connection included. */
export interface ShutdownLimits {
  /** Running jobs may finish for this long. Default "20s". */
  readonly drain?: Duration;
  /** Then their signals abort, and they may end for this long. Default "4s". */
  readonly abort?: Duration;
  /** Then settles may end for this long; the connection has its own `closeTimeout`. Default "3s". */
  readonly close?: Duration;
}

export interface WorkerOptions {
  /** Definitions with handlers. Two of one type are an error. */
  readonly jobs: readonly JobDefinition[];
  /** Default: the queues of the definitions. */
  readonly queues?: readonly string[];
  /**
   * Jobs running at once in this process, over all its queues. Default 10. Quick jobs are also leased ahead and settled
   * in batches: as many as end in a tenth of a second, 500 at most (or the concurrency). After a crash those come again.
   */
  readonly concurrency?: number;
  /** A worker that dies is noticed after this long; extended while a job runs. Default "30s". */
  readonly lease?: Duration;
  readonly shutdown?: ShutdownLimits;
  /** How often the worker says that it lives; silent for three times as long, `jobs.workers()` lists it no more. Default "10s". */
  readonly heartbeat?: Duration;
  /** Deliveries that may end with their worker gone before the job is dead-lettered `WORKER_LOST`. Default 20. */
  readonly maxLost?: number;
  /**
   * Resident memory of the process past which the worker stops as on SIGTERM: what runs may finish, the rest is handed
   * back, and a supervisor starts a fresh process. For handlers that leak. Absent: no limit.
   */
  readonly maxMemoryBytes?: number;
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[];
}

/** The options with every default filled and every duration in milliseconds. */
export interface WorkerSettings {
  readonly queues: readonly string[];
  readonly concurrency: number;
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
  const { jobs, concurrency = 10, maxLost = 20, maxMemoryBytes = Infinity, shutdown = {}, middleware = [] } = options;
  if (jobs.length === 0) throw refuse("a worker needs at least one job; pass its definitions in `jobs`");
  const queues = [...new Set(options.queues ?? jobs.map((job) => job.queue))];
  if (queues.length === 0) throw refuse("`queues` is empty; name at least one, or leave it out");
  for (const queue of queues) assertQueue(queue, "a queue of the worker");
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw refuse(`concurrency is ${concurrency}: a whole number from 1`);
  if (!Number.isSafeInteger(maxLost) || maxLost < 1) throw refuse(`maxLost is ${maxLost}: a whole number from 1`);
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

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
