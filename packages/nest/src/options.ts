import type { ConnectOptions, JobDefinition, Jobs, Middleware, WorkerOptions } from "@waybill/core";
import type { BackendFactory } from "@waybill/core/backend";
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

// Written out, since a type has no names at run time; a new option does not compile until it is here.
const OPTIONS: Record<keyof WaybillOptions, true> = {
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
const WORKER: Record<keyof WaybillWorkerOptions, true> = {
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
const PUSH: Record<keyof WaybillPushOptions, true> = {
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
  tolerance: true,
  shutdown: true,
};

const WORKER_SHUTDOWN: Record<keyof NonNullable<WorkerOptions["shutdown"]>, true> = {
  drain: true,
  abort: true,
  close: true,
};
const PUSH_SHUTDOWN: Record<keyof NonNullable<WaybillPushOptions["shutdown"]>, true> = { drain: true, abort: true };

/** Throws `CONFIG_INVALID` for an option that does not exist: a misspelt one would be a default nobody chose. */
export function checkOptions(options: WaybillOptions): WaybillOptions {
  if (typeof options !== "object" || options === null) {
    throw refuse("WaybillModule.forRoot got no options; give it at least { url }");
  }
  onlyKnown(options, OPTIONS, "an option of WaybillModule.forRoot");
  if (options.url === undefined) {
    throw refuse('`url` of WaybillModule.forRoot is missing; give one, such as "sqlite:./waybill.db"');
  }
  const { worker, push } = options;
  if (worker) onlyKnown(worker, WORKER, "an option of `worker`");
  if (worker?.shutdown) onlyKnown(worker.shutdown, WORKER_SHUTDOWN, "an option of `worker.shutdown`");
  if (push) onlyKnown(push, PUSH, "an option of `push`");
  if (push?.shutdown) checkPushShutdown(push.shutdown);
  return options;
}

/** A receiver is told at its end; by then nobody could be refused. */
function checkPushShutdown(shutdown: NonNullable<WaybillPushOptions["shutdown"]>): void {
  onlyKnown(shutdown, PUSH_SHUTDOWN, "an option of `push.shutdown`");
  for (const step of ["drain", "abort"] as const) timerMs(shutdown[step] ?? 0, `push.shutdown.${step}`);
}

function onlyKnown(given: object, known: Readonly<Record<string, true>>, what: string): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  throw refuse(`"${unknown}" is not ${what}; there are ${Object.keys(known).join(", ")}`);
}
