import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { EventBus, type Requirement, type ShutdownReport } from "@waybill/core";
import {
  assertRequirements,
  createHandlerRegistry,
  durationMs,
  refuseLimits,
  refuseResults,
} from "@waybill/core/endpoint";
import { assertKnownOptions } from "@waybill/core/backend";
import { type HandlerRegistry, logTo, timerMs } from "@waybill/core/endpoint";
import { configuredCarriers } from "../carriers/configured-carriers.ts";
import { createEndpoint, type Endpoint } from "../endpoint/endpoint.ts";
import { asFetch, type FetchFrom } from "../endpoint/fetch-endpoint.ts";
import { warnOfAckDeadlines } from "./ack-deadline-warning.ts";
import { checkCarriers } from "./check-carriers.ts";
import { createPushRunner, type ReceiverLoad } from "./push-runner.ts";
import { createPushSettler } from "./push-settler.ts";
import { checkReceiverOptions, type ReceiverOptions, STOP_OPTIONS, type StopOptions } from "./receiver-options.ts";

/**
 * Runs pushed jobs. It is a function from `Request` to `Response`: `Bun.serve({ fetch: receiver })`. Frameworks on
 * `node:http` call `receive`, which converts less.
 */
export interface Receiver extends Endpoint {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
  readonly events: EventBus;
  /** Returns how loaded the receiver is. */
  load(): ReceiverLoad;
  /**
   * Shuts down: new requests get 503, running jobs finish within `drain`, then are aborted. A second call ends the draining
   * at once and returns the same promise. Never rejects. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
   */
  stop(options?: StopOptions): Promise<ShutdownReport>;
}

const OFFERS: readonly Requirement[] = ["delivery:push"];

/**
 * Runs pushed jobs as a worker would, and responds once a job has ended. Throws `CONFIG_INVALID` for an option that does not
 * exist or makes no sense, and for a carrier whose jobs cannot run here, and `CAPABILITY_MISSING` for a job with `limits` or
 * a `result`, which only a worker keeps.
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  checkReceiverOptions(options);
  const { path = "/work", concurrency = 10, events = new EventBus(), maxLost = 20, middleware = [] } = options;
  const { signatures = "off", producerKeys: keys, telemetry = null } = options;
  assertRequirements(options.require ?? [], OFFERS, "a receiver of pushed jobs");
  const carriers = configuredCarriers(options);
  const registryOptions = { middleware, events, telemetry, maxLost, signatures, keys };
  const registry = createHandlerRegistry(options.jobs, registryOptions);
  refuseLimits(
    options.jobs,
    "a receiver of pushed jobs",
    "createRelay and createIngress store pushed jobs for a worker, and `concurrency` bounds the jobs of one receiver",
  );
  refuseResults(options.jobs, "a receiver of pushed jobs");
  checkCarriers(carriers, options, registry);
  warnOfAckDeadlines(carriers, options.jobs, concurrency);
  const worker = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`;
  const settler = createPushSettler(events, worker, options.keepDead ?? null);
  const abortMs = timerMs(options.abort ?? "4s", "abort");
  const wrappedRegistry = { ...registry, signatures: registry.signatures ?? wrapperSignatures(options.keys) };
  const runner = createPushRunner({ registry, wrappedRegistry, settler, concurrency, abortMs, worker });
  const endpoint = createEndpoint({ ...options, path, carriers, events }, runner);
  const log = logTo(events, options.log ?? "stdout");
  events.emit("booted", {
    role: "receiver",
    env: process.env["NODE_ENV"] ?? "development",
    backend: `push:${carriers.map(({ name }) => name).join(",")} at ${path}`,
    queues: [],
    offers: OFFERS,
    worker,
    concurrency,
    pid: process.pid,
  });

  let stopping: Promise<ShutdownReport> | null = null;
  async function stop(drainMs: number, graceMs: number, reason: string): Promise<ShutdownReport> {
    const startedAt = performance.now();
    const unfinished = await runner.stop(drainMs, graceMs);
    const durationInMs = Math.round(performance.now() - startedAt);
    const report = { worker, reason, ...settler.counts, rejected: 0, lost: 0, unfinished, durationMs: durationInMs };
    events.emit("stopped", report);
    await log.flush();
    return report;
  }

  return Object.assign(asFetch(endpoint), {
    path,
    events,
    load: runner.load,
    stop(steps: StopOptions = {}) {
      assertKnownOptions(steps, STOP_OPTIONS, "the options of stop");
      const { drain = "20s", abort = "4s", reason = "stop" } = steps;
      if (stopping) runner.force();
      return (stopping ??= stop(durationMs(drain, "drain"), durationMs(abort, "abort"), reason));
    },
  });
}

/**
 * Returns the policy for signed wrappers at a receiver without `signatures`: the wrapper must be signed with one of `keys`.
 * Null if there are none.
 */
function wrapperSignatures(keys: ReceiverOptions["keys"]): HandlerRegistry["signatures"] {
  if (keys === undefined || keys === "unsigned") return null;
  return createHandlerRegistry([], { signatures: "optional", keys }).signatures;
}
