import { type Duration, type EventBus, type JobDefinition, type KeyRing, type LogOption } from "@waybill/core";
import { type Middleware, type Requirement, type SignaturePolicy, type Telemetry, WaybillError } from "@waybill/core";
import { assertGuardOptions, assertKnownOptions, describeValue, type OptionNames } from "@waybill/core/backend";
import type { Senders } from "../carriers/configured-carriers.ts";
import type { EndpointOptions } from "../endpoint/endpoint-options.ts";
import { KEYS_NEEDED } from "../options/unsigned-keys.ts";
import type { DeadPush } from "./push-settler.ts";

/** Which jobs run here, which senders may push them, and how many run at once. */
export interface ReceiverOptions extends EndpointOptions, Senders {
  /** Definitions with handlers. Two of one type are an error. */
  readonly jobs: readonly JobDefinition[];
  /** Default "/work". */
  readonly path?: string | undefined;
  /** Jobs running at once in this process. Further requests get 429. Default 10. */
  readonly concurrency?: number | undefined;
  /** How long a handler may run once no request waits for its response. Default "4s". */
  readonly abort?: Duration | undefined;
  /**
   * Stores a dead letter before 200 is sent, for carriers that would deliver the job again and then drop it. Not called for
   * jobs from our own sender, whose dead letters stay in their queue. If it rejects, the response is 503; the carrier
   * delivers the job again, and it is called again without another run of the handler in this process. Omitted: 422, and
   * the carrier decides what happens to the job.
   */
  readonly keepDead?: ((letter: DeadPush) => Promise<void>) | undefined;
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Deliveries that may end with their process before the job is dead, if the carrier counts them. Default 20. */
  readonly maxLost?: number | undefined;
  /**
   * Which jobs run, by the signature of their producer. Default "off". A job that must not run is dead with
   * `SIGNATURE_INVALID`. One policy for all queues: the queue of a pushed job is known only from the job itself.
   */
  readonly signatures?: SignaturePolicy | undefined;
  /** Secrets of the producers, with which `signatures` verifies. `keys` are the senders' secrets. */
  readonly producerKeys?: KeyRing | string | readonly string[] | undefined;
  /** Writes one line per event, as `log` of `connect`. Default "stdout". */
  readonly log?: LogOption | undefined;
  /**
   * Receives the events of every job and every refusal. `jobs.events` of a connection: its jobs are then in `jobs.history()`
   * and on the dashboard as well. Default: a bus of its own, in `receiver.events`.
   */
  readonly events?: EventBus | undefined;
  /** Spans and metrics: `telemetry()` of `@waybill/core/otel`. Omitted: none, at no cost. */
  readonly telemetry?: Telemetry | undefined;
  /** What this program requires of the way its jobs are delivered. A push has no lease. */
  readonly require?: readonly Requirement[] | undefined;
}

/** Time limits of a shutdown. The defaults fit a platform that kills after 30 s. */
export interface StopOptions {
  /** How long running jobs may take to finish. Default "20s". */
  readonly drain?: Duration | undefined;
  /** How long jobs may take to end after that, once their signals are aborted. Default "4s". */
  readonly abort?: Duration | undefined;
  /** Appears in the report. Default "stop". */
  readonly reason?: string | undefined;
}

export const STOP_OPTIONS: OptionNames<StopOptions> = { drain: true, abort: true, reason: true };

const RECEIVER_OPTIONS: OptionNames<ReceiverOptions> = {
  path: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowIps: true,
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

/** Throws `CONFIG_INVALID` for an option that does not exist or has a value that makes no sense. */
export function checkReceiverOptions(options: ReceiverOptions): void {
  const name = "the options of createReceiver";
  assertKnownOptions(options, RECEIVER_OPTIONS, name);
  // Without carriers a receiver cannot go without keys.
  if ("keys" in options) assertGuardOptions(options, ["keys"], name, options.carriers ? undefined : KEYS_NEEDED);
  assertGuardOptions(options, ["producerKeys", "signatures", "allowIps", "allowHosts"], name);
  const { concurrency, signatures, producerKeys, keepDead, log, events } = options;
  if (concurrency !== undefined && (!Number.isSafeInteger(concurrency) || concurrency < 1)) {
    throw configError(`concurrency is ${describeValue(concurrency)}: a whole number from 1`);
  }
  if (signatures !== undefined && typeof signatures !== "string") {
    throw configError(
      `signatures of a receiver is ${describeValue(signatures)}: give one policy for all pushed jobs, such as "required"`,
    );
  }
  if (producerKeys !== undefined && signatures === undefined) {
    throw configError("producerKeys are given, but `signatures` is not: give both, or leave them out");
  }
  if (keepDead !== undefined && typeof keepDead !== "function") {
    throw configError(`keepDead is ${describeValue(keepDead)}: pass an async function of (letter)`);
  }
  const isKnownLog = ["stdout", "json", "pretty", "off"].includes(String(log));
  if (log !== undefined && !isKnownLog && typeof log !== "function") {
    throw configError(`log is ${describeValue(log)}: give "stdout", "json", "pretty", "off" or a function of (line)`);
  }
  if (events !== undefined && (typeof events.on !== "function" || typeof events.emit !== "function")) {
    throw configError(`events is ${describeValue(events)}: pass an EventBus, such as jobs.events`);
  }
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
