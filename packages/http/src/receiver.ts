import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { EventBus, type Requirement, type ShutdownReport, WaybillError } from "@waybill/core";
import { createRegistry, durationMs, insistOn, logTo, timerMs } from "@waybill/core/door";
import { carriersOf, checkCarriers } from "./carriers-of.ts";
import { createDoor, type Door } from "./door.ts";
import { asFetch, type FetchFrom } from "./fetch.ts";
import { createPushRunner, type ReceiverLoad } from "./push-runner.ts";
import { createPushSettler } from "./push-settler.ts";
import { warnOfPatience } from "./patience.ts";
import type { ReceiverOptions, StopOptions } from "./receiver-options.ts";

/**
 * A function from a request to its response, as `fetch` has them: `Bun.serve({ fetch: receiver })`. Frameworks on
 * `node:http` convert less through `receive`.
 */
export interface Receiver extends Door {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
  readonly events: EventBus;
  /** How much it carries now. Asks nobody. */
  load(): ReceiverLoad;
  /**
   * Takes no more jobs, and ends. New requests are answered 503; running jobs finish, then are aborted. A second call
   * skips the waiting. Never rejects.
   */
  stop(options?: StopOptions): Promise<ShutdownReport>;
}

/** What a receiver can be relied on for. */
const OFFERS: readonly Requirement[] = ["delivery:push"];

const RECEIVER_OPTIONS: OptionNames<ReceiverOptions> = {
  path: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowPeers: true,
  allowHosts: true,
  tolerance: true,
  keys: true,
  carriers: true,
  jobs: true,
  concurrency: true,
  abort: true,
  keepDead: true,
  middleware: true,
  maxLost: true,
  signatures: true,
  producerKeys: true,
  log: true,
  events: true,
  telemetry: true,
  require: true,
};

/** Runs pushed jobs as a worker would. Answers once the job has ended. Throws `CONFIG_INVALID`. */
export function createReceiver(options: ReceiverOptions): Receiver {
  assertKnownOptions(options, RECEIVER_OPTIONS, "the options of createReceiver");
  const { path = "/work", concurrency = 10, events = new EventBus(), maxLost = 20, middleware = [] } = options;
  const { signatures = "off", producerKeys } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw refuse(`concurrency is ${concurrency}: a whole number from 1`);
  }
  if (typeof signatures !== "string") throw refuse("signatures of a receiver is one policy, for whatever is pushed");
  if (producerKeys !== undefined && options.signatures === undefined) {
    throw refuse("producerKeys verify where `signatures` says so; give it, or leave them out");
  }
  insistOn(options.require ?? [], OFFERS, "a receiver of pushed jobs");
  const carriers = carriersOf(options);
  const registry = createRegistry(options.jobs, {
    middleware,
    events,
    telemetry: options.telemetry ?? null,
    maxLost,
    signatures,
    keys: producerKeys,
  });
  checkCarriers(carriers, options, registry);
  warnOfPatience(carriers, options.jobs, concurrency);
  const worker = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`;
  const settler = createPushSettler(events, worker, options.keepDead ?? null);
  const abortMs = timerMs(options.abort ?? "4s", "abort");
  const runner = createPushRunner({ registry, settler, concurrency, abortMs, worker });
  const door = createDoor({ ...options, path, carriers, events }, runner);
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
  async function end(drainMs: number, graceMs: number, reason: string): Promise<ShutdownReport> {
    const startedAt = performance.now();
    const unfinished = await runner.end(drainMs, graceMs);
    const took = Math.round(performance.now() - startedAt);
    const report = { worker, reason, ...settler.counts, rejected: 0, lost: 0, unfinished, durationMs: took };
    events.emit("stopped", report);
    await log.flush();
    return report;
  }

  return Object.assign(asFetch(door), {
    path,
    events,
    load: runner.load,
    stop({ drain = "20s", abort = "4s", reason = "stop" }: StopOptions = {}) {
      if (stopping) runner.hurry();
      return (stopping ??= end(durationMs(drain, "drain"), durationMs(abort, "abort"), reason));
    },
  });
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
