import type { ConnectOptions, JobDefinition, Jobs, Middleware, WorkerOptions } from "@waybill/core";
import { assertKnownOptions, type BackendFactory, type OptionNames } from "@waybill/core/backend";
import { timerMs } from "@waybill/core/door";
import type { ReceiverOptions, StopOptions } from "@waybill/http";
import type { NodeDoor } from "@waybill/http/node";
import { refuse } from "./refuse.ts";
import type { Enhancers } from "./enhancers.ts";

/** The worker of this process. Its jobs are found: every `@JobHandler`, and every registered definition with a handler of its own. */
export type WaybillWorkerOptions = Omit<WorkerOptions, "jobs" | "middleware">;

/** The receiver of this process, mounted in front of the application's body parsers. Its jobs are the worker's. */
export interface WaybillPushOptions extends Omit<
  ReceiverOptions,
  "jobs" | "middleware" | "events" | "log" | "telemetry"
> {
  /** How long its jobs may go on at shutdown. */
  readonly shutdown?: Omit<StopOptions, "reason">;
}

/** What `WaybillModule.forRoot` takes: the options of `connect`, and which doors this process opens. */
export interface WaybillOptions extends Omit<ConnectOptions, "jobs"> {
  /** Where the jobs are: a URL, or a factory from a backend package. */
  readonly url: string | BackendFactory;
  /** Definitions known to the whole application, as by `forFeature`. */
  readonly jobs?: readonly JobDefinition[];
  /** Absent: this process takes no jobs from the queue. */
  readonly worker?: WaybillWorkerOptions | undefined;
  /** Absent: nobody may push jobs to this process. */
  readonly push?: WaybillPushOptions | undefined;
  /** Other doors in front of the body parsers: `(jobs) => [createIngress({ to: jobs, keys })]`, relays. */
  readonly doors?: (jobs: Jobs) => readonly NodeDoor[];
  /** Around every handler, whichever door its job came through. The first is the outermost. */
  readonly middleware?: readonly Middleware[];
  /** Which of Nest's enhancers run for jobs, where `forFeature` says nothing else. Absent: none. */
  readonly enhancers?: Enhancers;
}

const OPTIONS: OptionNames<WaybillOptions> = {
  url: true,
  jobs: true,
  worker: true,
  push: true,
  doors: true,
  middleware: true,
  enhancers: true,
  log: true,
  enqueueTimeout: true,
  closeTimeout: true,
  maxBodyBytes: true,
  source: true,
  allowVolatile: true,
  role: true,
  version: true,
  services: true,
  require: true,
  keys: true,
  telemetry: true,
};
const WORKER: OptionNames<WaybillWorkerOptions> = {
  queues: true,
  concurrency: true,
  fetchAhead: true,
  typeConcurrency: true,
  lease: true,
  heartbeat: true,
  shutdown: true,
  maxLost: true,
  maxMemoryBytes: true,
  signatures: true,
  keys: true,
};
const PUSH: OptionNames<WaybillPushOptions> = {
  keys: true,
  carriers: true,
  path: true,
  concurrency: true,
  abort: true,
  keepDead: true,
  maxLost: true,
  signatures: true,
  producerKeys: true,
  require: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowPeers: true,
  allowHosts: true,
  tolerance: true,
  shutdown: true,
};

const WORKER_SHUTDOWN: OptionNames<NonNullable<WorkerOptions["shutdown"]>> = {
  drain: true,
  abort: true,
  close: true,
};
const PUSH_SHUTDOWN: OptionNames<NonNullable<WaybillPushOptions["shutdown"]>> = { drain: true, abort: true };

/** Throws `CONFIG_INVALID` for an option that does not exist: a misspelt one would be a default nobody chose. */
export function checkOptions(options: WaybillOptions): WaybillOptions {
  if (typeof options !== "object" || options === null) {
    throw refuse("WaybillModule.forRoot got no options; give it at least { url }");
  }
  assertKnownOptions(options, OPTIONS, "the options of WaybillModule.forRoot");
  if (options.url === undefined) {
    throw refuse('`url` of WaybillModule.forRoot is missing; give one, such as "sqlite:./waybill.db"');
  }
  const { worker, push } = options;
  if (worker) assertKnownOptions(worker, WORKER, "the options of `worker`");
  if (worker?.shutdown) assertKnownOptions(worker.shutdown, WORKER_SHUTDOWN, "the options of `worker.shutdown`");
  if (push) assertKnownOptions(push, PUSH, "the options of `push`");
  if (push?.shutdown) checkPushShutdown(push.shutdown);
  return options;
}

/** A receiver is told at its end; by then nobody could be refused. */
function checkPushShutdown(shutdown: NonNullable<WaybillPushOptions["shutdown"]>): void {
  assertKnownOptions(shutdown, PUSH_SHUTDOWN, "the options of `push.shutdown`");
  for (const step of ["drain", "abort"] as const) timerMs(shutdown[step] ?? 0, `push.shutdown.${step}`);
}
