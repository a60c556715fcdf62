import type { JobDefinition } from "../job/job-definition.ts";
import type { BackendFactory } from "../backend/contract.ts";
import type { Duration } from "../time/duration.ts";
import type { OptionNames } from "../known-options.ts";
import type { LogOption } from "../observability/log.ts";
import type { Requirement } from "../backend/requirements.ts";
import type { ServerRanges } from "../backend/server-version.ts";
import type { KeyRing } from "../signing/key-ring.ts";
import type { Telemetry } from "../observability/telemetry.ts";

/** Options of a producer: how envelopes are made, and what the backend must offer. */
export interface ProducerOptions {
  /**
   * The jobs this program knows. Judged against the backend at once, and jobs enqueued by a type name that is not
   * among them are refused (in production: stored, with an `unknown_type` event). Absent: any name is taken.
   */
  readonly jobs?: readonly JobDefinition[] | undefined;
  /**
   * Queues that this program uses, at most 1,000: `waybill doctor` warns of one without a worker, before it has jobs. Recorded in
   * the ledger for a week. Default none.
   */
  readonly queues?: readonly string[] | undefined;
  /**
   * The backend whose ledger is used, for SQS and RabbitMQ: a URL or a factory. Also `?ledger=`, encoded, in the backend's URL.
   * While it cannot be reached, jobs that need none go on. Default: the backend's own.
   */
  readonly ledger?: string | BackendFactory | undefined;
  /**
   * Writes one line per transition. "stdout": readable text if stdout is a terminal, else JSON. "json" and "pretty": always
   * that form. "off": no lines. A function: called with each line. Default "stdout".
   */
  readonly log?: LogOption | undefined;
  /**
   * Longest wait for the backend. A job that was sent rejects with `ENQUEUE_UNKNOWN` after this long without a response. A
   * job that was not sent yet rejects with `BACKEND_UNAVAILABLE`, and is not stored, once no call has returned for this
   * long. If the backend stops responding, no call takes more than twice this. Default "10s".
   */
  readonly enqueueTimeout?: Duration | undefined;
  /** Longest time that `close` waits for the backend. Default "2s". */
  readonly closeTimeout?: Duration | undefined;
  /** Largest envelope that this producer makes, in bytes of UTF-8. Default 262,144. Readers accept up to 1,048,576. */
  readonly maxBodyBytes?: number | undefined;
  /** A URI reference that names the producer, written to each envelope. Omitted: none. */
  readonly source?: string | undefined;
  /** True: `memory:` is allowed although NODE_ENV is "production". Default false. */
  readonly allowVolatile?: boolean | undefined;
  /**
   * Versions of servers that this program was tested with, such as `{ redis: ">=6.2 <8" }`. Any other is refused at start.
   * Default: `waybill.services` of the package.json in the working directory, if there is one.
   */
  readonly services?: ServerRanges | undefined;
  /** Requirements of this program. A backend that does not meet them is refused at start. Default none. */
  readonly require?: readonly Requirement[] | undefined;
  /** Signs every job that is enqueued here: a key ring, or its `whsec_` secrets. Omitted: jobs are not signed. */
  readonly keys?: KeyRing | string | readonly string[] | undefined;
  /**
   * How long the id of a finished job is remembered, such as "1d". To enqueue it again is then `stored: false`, and a second
   * delivery is dropped as `FINISHED_BEFORE`. Give it to producers and workers alike. Needs a ledger. Default: not at all.
   */
  readonly rememberIds?: Duration | undefined;
  /** Spans and metrics: `telemetry()` of `@waybill/core/otel`. Omitted: none, at no cost. */
  readonly telemetry?: Telemetry | undefined;
}

/** The names of the options that `connect` and `connectProducer` share. */
export const PRODUCER_OPTIONS: OptionNames<ProducerOptions> = {
  jobs: true,
  queues: true,
  ledger: true,
  log: true,
  enqueueTimeout: true,
  closeTimeout: true,
  maxBodyBytes: true,
  source: true,
  allowVolatile: true,
  services: true,
  require: true,
  keys: true,
  rememberIds: true,
  telemetry: true,
};
