import type { ConnectOptions, JobDefinition, Jobs, Middleware, WorkerOptions } from "@waybill/core";
import { assertKnownOptions, type BackendFactory, type OptionNames } from "@waybill/core/backend";
import { timerMs } from "@waybill/core/endpoint";
import type { ReceiverOptions, StopOptions } from "@waybill/http";
import type { NodeEndpoint } from "@waybill/http/node";
import { configError } from "./config-error.ts";
import type { Enhancers } from "./handlers/enhancers.ts";

/** Options of this process's worker. Its jobs are every `@JobHandler` and every registered definition with a handler. */
export type WaybillWorkerOptions = Omit<WorkerOptions, "jobs" | "middleware">;

/** Options of this process's receiver, which is mounted in front of the body parsers. Its jobs are the worker's. */
export interface WaybillPushOptions extends Omit<
  ReceiverOptions,
  "jobs" | "middleware" | "events" | "log" | "telemetry"
> {
  /** Time limits of the receiver's shutdown. */
  readonly shutdown?: Omit<StopOptions, "reason"> | undefined;
}

/** Options of `WaybillModule.forRoot`: those of `connect`, and how this process gets jobs. */
export interface WaybillOptions extends Omit<ConnectOptions, "jobs" | "log"> {
  /** The backend: a URL, or a factory from a backend package. */
  readonly url: string | BackendFactory | undefined;
  /**
   * Where log lines are written: "nest" to Nest's logger, with stacks; any other value as `log` of `connect`. Default
   * "stdout".
   */
  readonly log?: ConnectOptions["log"] | "nest" | undefined;
  /** Definitions for the whole application, as by `forFeature`. */
  readonly jobs?: readonly JobDefinition[] | undefined;
  /** Omitted: this process leases no jobs. */
  readonly worker?: WaybillWorkerOptions | undefined;
  /** Omitted: no jobs can be pushed to this process. */
  readonly push?: WaybillPushOptions | undefined;
  /** Returns further endpoints to mount in front of the body parsers: `(jobs) => [createIngress({ to: jobs, keys })]`. */
  readonly endpoints?: ((jobs: Jobs) => readonly NodeEndpoint[]) | undefined;
  /** Around every handler, for pulled and pushed jobs. The first is the outermost. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Which of Nest's enhancers run for jobs, unless `forFeature` says otherwise. Omitted: none. */
  readonly enhancers?: Enhancers | undefined;
}

const OPTIONS: OptionNames<WaybillOptions> = {
  url: true,
  ledger: true,
  queues: true,
  jobs: true,
  worker: true,
  push: true,
  endpoints: true,
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
  records: true,
  services: true,
  require: true,
  keys: true,
  rememberIds: true,
  telemetry: true,
};
const WORKER: OptionNames<WaybillWorkerOptions> = {
  queues: true,
  concurrency: true,
  prefetch: true,
  typeConcurrency: true,
  lease: true,
  heartbeat: true,
  shutdown: true,
  maxLost: true,
  maxMemoryBytes: true,
  canary: true,
  shutdownFile: true,
  signatures: true,
  keys: true,
  schedules: true,
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
  allowIps: true,
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

/** Returns the options. Throws `CONFIG_INVALID` for one that does not exist: a misspelt one would be silently ignored. */
export function checkOptions(options: WaybillOptions): WaybillOptions {
  if (typeof options !== "object" || options === null) {
    throw configError("WaybillModule.forRoot got no options; give it at least { url }");
  }
  assertKnownOptions(options, OPTIONS, "the options of WaybillModule.forRoot");
  const { worker, push } = options;
  if (worker) assertKnownOptions(worker, WORKER, "the options of `worker`");
  if (worker?.shutdown) assertKnownOptions(worker.shutdown, WORKER_SHUTDOWN, "the options of `worker.shutdown`");
  if (push) assertKnownOptions(push, PUSH, "the options of `push`");
  if (push?.shutdown) checkPushShutdown(push.shutdown);
  return options;
}

/** Returns the URL. Throws `CONFIG_INVALID` if it is undefined. Called when the connection is opened: test jobs need no URL. */
export function requireUrl({ url }: WaybillOptions): WaybillOptions["url"] {
  if (url !== undefined) return url;
  throw configError(
    '`url` of WaybillModule.forRoot is undefined; is its environment variable set? Give one, such as "sqlite:./waybill.db"',
  );
}

/** Checked at start: the receiver gets these options at shutdown, when an error would be too late. */
function checkPushShutdown(shutdown: NonNullable<WaybillPushOptions["shutdown"]>): void {
  assertKnownOptions(shutdown, PUSH_SHUTDOWN, "the options of `push.shutdown`");
  for (const step of ["drain", "abort"] as const) timerMs(shutdown[step] ?? 0, `push.shutdown.${step}`);
}
