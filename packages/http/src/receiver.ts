import {
  createRegistry,
  type Duration,
  durationMs,
  EventBus,
  insistOn,
  type JobDefinition,
  type KeyRing,
  type LogOption,
  logTo,
  type Middleware,
  type Requirement,
  type ShutdownReport,
  WaybillError,
} from "@waybill/core";
import type { Carrier } from "./carrier.ts";
import { native } from "./carriers/native.ts";
import { createDoor, type DoorOptions } from "./door.ts";
import { answerFetch, type FetchFrom } from "./fetch.ts";
import type { Answer, Push } from "./push.ts";
import { createPushRunner, type Load } from "./push-runner.ts";
import { warnOfPatience } from "./patience.ts";

export interface ReceiverOptions extends DoorOptions {
  /** Definitions with handlers. Two of one type are an error. */
  readonly jobs: readonly JobDefinition[];
  /** Secrets of our own senders (`waybill push`, any Standard Webhooks library): a key ring, `whsec_…`, or "unsigned". */
  readonly keys?: KeyRing | string | readonly string[];
  /** Other carriers that may push: `sqsd(…)`, `cloudTasks(…)`, `qstash(…)`, `pubsub(…)`. */
  readonly carriers?: readonly Carrier[];
  /** Default "/work". */
  readonly path?: string;
  /** Jobs running at once in this process. More are answered 429 at once. Default 10. */
  readonly concurrency?: number;
  /** How long handlers may go on once nobody waits for their answer any more. Default "4s". */
  readonly abort?: Duration;
  /**
   * Keeps a job that will never run, before 200 is answered: for carriers that would deliver it again and then forget
   * it. Absent: 422, and the carrier does what it does.
   */
  readonly keepDead?: (letter: DeadLetterOfPush) => Promise<void>;
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[];
  /** Deliveries that may end with their process gone before the job is dead, where the carrier counts them. Default 20. */
  readonly maxLost?: number;
  /** One JSON line per transition: to stdout, nowhere, or into a function. Default "stdout". */
  readonly log?: LogOption;
  readonly events?: EventBus;
  /** What this program insists on of the door its jobs come through; a push has no lease. */
  readonly require?: readonly Requirement[];
}

export interface DeadLetterOfPush {
  readonly id: string | null;
  readonly body: string;
  readonly code: string;
  readonly message: string;
}

/** How a receiver ends. Each limit is its own; the defaults fit a platform that kills after 30 s. */
export interface ReceiverStop {
  /** Running jobs may finish for this long. Default "20s". */
  readonly drain?: Duration;
  /** Then their signals abort, and they may end for this long. Default "4s". */
  readonly abort?: Duration;
  /** For the report. Default "stop". */
  readonly reason?: string;
}

/**
 * A function from a request to its response, as `fetch` has them: `Bun.serve({ fetch: receiver })`. Frameworks on
 * `node:http` convert less through `receive`.
 */
export interface Receiver {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
  readonly events: EventBus;
  /** Whether this request is for us: an ordinary one passes on to whoever is next. */
  claims(push: Pick<Push, "method" | "path" | "headers">): boolean;
  /** Never rejects. */
  receive(push: Push): Promise<Answer>;
  load(): Load;
  /** New requests are answered 503, running ones finish, then are aborted. A second call skips the waiting. Never rejects. */
  stop(options?: ReceiverStop): Promise<ShutdownReport>;
}

/** What a receiver can be relied on for. */
const OFFERS: readonly Requirement[] = ["delivery:push"];

/** Runs pushed jobs by the `execute` that workers use, and answers once the job has ended. Throws `CONFIG_INVALID`. */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { path = "/work", concurrency = 10, events = new EventBus(), maxLost = 20, middleware = [] } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) throw refuse(`concurrency is ${concurrency}: from 1`);
  insistOn(options.require ?? [], OFFERS, "a receiver of pushed jobs");
  const carriers = carriersOf(options);
  const impatient = carriers.find((carrier) => !carrier.runs);
  if (impatient) throw refuse(`${impatient.name} does not wait for jobs to run; use createRelay({ to: jobs })`);
  const forgetful = carriers.find(({ keepsDead }) => keepsDead === false);
  if (forgetful && options.keepDead === undefined)
    throw refuse(`${forgetful.name} keeps no dead letters: give keepDead, or use createRelay({ to: jobs })`);
  const registry = createRegistry(options.jobs, { middleware, events, maxLost });
  for (const { name, makes = [] } of carriers) {
    const unknown = makes.find((type) => registry.find(type) === undefined);
    if (unknown !== undefined) throw refuse(`${name} makes jobs of type "${unknown}", which are not among \`jobs\``);
  }
  warnOfPatience(carriers, options.jobs, concurrency);
  const log = logTo(events, options.log ?? "stdout");
  const runner = createPushRunner({
    registry,
    concurrency,
    abortMs: durationMs(options.abort ?? "4s", "abort"),
    keepDead: options.keepDead ?? null,
  });
  const door = createDoor({ ...options, path, carriers, events }, runner.deliver);
  events.emit("booted", {
    role: "receiver",
    env: process.env["NODE_ENV"] ?? "development",
    backend: `push:${carriers.map(({ name }) => name).join(",")} at ${path}`,
    queues: [],
    offers: OFFERS,
    worker: runner.id,
    concurrency,
    pid: process.pid,
  });

  let stopping: Promise<ShutdownReport> | null = null;
  async function end({ drain = "20s", abort = "4s", reason = "stop" }: ReceiverStop): Promise<ShutdownReport> {
    const startedAt = performance.now();
    door.closed = true;
    const unfinished = await runner.end(durationMs(drain, "drain"), durationMs(abort, "abort"));
    const took = Math.round(performance.now() - startedAt);
    const report = { worker: runner.id, reason, ...runner.counts(), unfinished, durationMs: took };
    events.emit("stopped", report);
    await log.flush();
    return report;
  }

  const receiver = ((request, from) => answerFetch(door.receive, request, from)) as Receiver;
  return Object.assign(receiver, {
    path,
    events,
    claims: door.claims,
    receive: door.receive,
    load: runner.load,
    stop(how: ReceiverStop = {}) {
      if (stopping) runner.hurry();
      return (stopping ??= end(how));
    },
  });
}

/** Our own senders last: unsigned ones have no mark, and would be taken for whoever else pushes. */
export function carriersOf(options: Pick<ReceiverOptions, "keys" | "carriers" | "toleranceMs">): readonly Carrier[] {
  const { keys, carriers = [], toleranceMs } = options;
  if (keys === undefined) return carriers;
  return [...carriers, native({ keys, ...(toleranceMs !== undefined && { toleranceMs }) })];
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
