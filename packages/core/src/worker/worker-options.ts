import type { Schedule } from "../features/schedules/define-schedule.ts";
import type { QueueOptions } from "../features/limits/queue-options.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import type { Middleware } from "../job/middleware.ts";
import type { KeyRing } from "../signing/key-ring.ts";
import type { SignaturePolicies } from "../signing/signature-policy.ts";
import type { Duration } from "../time/duration.ts";

/**
 * How long each step of a shutdown may take. The defaults and closing the connection fit within the 30 s that most platforms allow
 * before they kill a process.
 */
export interface ShutdownLimits {
  /** How long running jobs may go on until they are aborted. 0: they are aborted at once. Default "20s". */
  readonly drain?: Duration | undefined;
  /** How long aborted jobs may take to end. After that they are released although their handlers still run. Default "4s". */
  readonly abort?: Duration | undefined;
  /** How long storing the outcomes may take. Closing the connection has its own limit, `closeTimeout`. Default "3s". */
  readonly close?: Duration | undefined;
}

/** Which jobs a worker runs, how many at once, and how it stops. */
export interface WorkerOptions {
  /** Definitions with handlers, at least one. Two definitions of one type are refused. */
  readonly jobs: readonly JobDefinition[];
  /**
   * Names of the queues to lease from, or names with weights from 1 to 1,000: `{ mailers: 3, default: 1 }` starts three jobs of
   * `mailers` for each of `default` while both have jobs. A queue without jobs leaves its share to the others. Or names with
   * options: `{ sync: { concurrency: 5 } }`. Default: the queues of the definitions, with equal weights.
   */
  readonly queues?: readonly string[] | { readonly [queue: string]: number | QueueOptions } | undefined;
  /** The most jobs that run at once in this worker, over all its queues. From 1. Default 10. */
  readonly concurrency?: number | undefined;
  /**
   * The most jobs that are leased before a slot is free, and the most outcomes that are being stored meanwhile. Only quick jobs are
   * leased ahead: as many as the slots finish in a tenth of a second. When the process dies, as many finished jobs may run
   * again, and up to `concurrency` - 1 more. 0: never more leased jobs than `concurrency`, which is slower. Default 500.
   */
  readonly prefetch?: number | undefined;
  /**
   * The most running jobs of one type in this worker, each from 1: `{ "photo.resize": 2 }`. Jobs beyond it are released for a
   * second or two, without spending an attempt. Give a type of which many jobs wait a queue of its own. A type that is not named
   * has no limit of its own.
   */
  readonly typeConcurrency?: { readonly [type: string]: number } | undefined;
  /**
   * How long a job stays leased to a worker that has died. At least "100ms". The lease is extended while the job runs. Default
   * "30s".
   */
  readonly lease?: Duration | undefined;
  /** How long each step of the shutdown may take. Default: 27 s in all. */
  readonly shutdown?: ShutdownLimits | undefined;
  /**
   * How often the worker writes its entry of the worker registry. At least "100ms". After three missed heartbeats
   * `jobs.workers()` no longer lists it. Default "10s".
   */
  readonly heartbeat?: Duration | undefined;
  /**
   * How many deliveries of a job may end with their worker gone, before the job is dead-lettered with `WORKER_LOST`. From 1. From
   * half as many on, a worker runs one such job at a time, so that jobs beside it are not counted as lost with it. Default 20.
   */
  readonly maxLost?: number | undefined;
  /**
   * Resident memory of the process, in bytes, past which the worker stops as on SIGTERM. For handlers that leak memory, under a
   * supervisor that starts a fresh process. Default: no limit.
   */
  readonly maxMemoryBytes?: number | undefined;
  /**
   * The path of a local file that keeps how the worker ended, one line of JSON each time: the summary of its shutdown, or "fatal" for
   * a process that ended before. Written to the disk at once, so that it remains when stdout is lost. The file is created if it is
   * not there, and renamed to "….1" at 1 MiB. Default: none.
   */
  readonly shutdownFile?: string | undefined;
  /**
   * Which jobs must be signed: one policy for all queues of the worker, or one for each, `{ payments: "required" }`, where queues
   * that are not named are "off". A job that the policy refuses is dead-lettered with `SIGNATURE_INVALID`. Default "off".
   */
  readonly signatures?: SignaturePolicies | undefined;
  /** Keys to verify signatures with. Needs `signatures`. Default: the `keys` of the connection. */
  readonly keys?: KeyRing | string | readonly string[] | undefined;
  /**
   * What `defineSchedule` returned. The schedules tick as long as a worker that declares them runs; every worker of the backend may
   * fire them. Where two programs declare one name differently, the one that was started later decides. Default: none.
   */
  readonly schedules?: readonly Schedule[] | undefined;
  /**
   * Sends a job that does nothing, of the type `waybill.canary`, through each queue of the worker so often, at least "1s": once, however
   * many workers have the option. `waybill_canary_timestamp_seconds` says when the last one ran, so an alert on its age finds a queue
   * that stands still for whatever reason. Give it to each worker of a queue: one without it releases these jobs, as of an unknown
   * type. Needs a ledger, as schedules do. Default: none.
   */
  readonly canary?: Duration | undefined;
  /** Functions of `(job, next)` that run around each handler. The first is the outermost. */
  readonly middleware?: readonly Middleware[] | undefined;
}
