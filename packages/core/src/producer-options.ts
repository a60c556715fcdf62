import type { JobDefinition } from "./define-job.ts";
import type { Duration } from "./duration.ts";
import type { OptionNames } from "./known-options.ts";
import type { LogOption } from "./log.ts";
import type { Requirement } from "./requirement.ts";
import type { ServerRanges } from "./server-version.ts";
import type { KeyRing } from "./signing.ts";
import type { Telemetry } from "./telemetry.ts";

/** How jobs are made, and what of the backend is insisted on. */
export interface ProducerOptions {
  /**
   * The jobs this program knows. Judged against the backend at once, and jobs enqueued by a type name that is not
   * among them are refused (in production: stored, with an `unknown_type` event). Absent: any name is taken.
   */
  readonly jobs?: readonly JobDefinition[];
  /** One JSON line per transition: to stdout, nowhere, or into a function. Default "stdout". */
  readonly log?: LogOption;
  /**
   * A job that the backend was given rejects after this long without an answer: `ENQUEUE_UNKNOWN`. One that still waits
   * for its turn rejects once the backend has answered nothing for this long: `BACKEND_UNAVAILABLE`, and nothing was
   * stored. With the backend frozen, no call takes more than twice this. Default "10s".
   */
  readonly enqueueTimeout?: Duration;
  /** `close` gives up waiting for the backend after this long. Default "2s". */
  readonly closeTimeout?: Duration;
  /** Largest envelope this producer makes, in bytes of UTF-8. Default 262,144; readers take 1,048,576. */
  readonly maxBodyBytes?: number;
  /** A URI reference that names the producer, carried in each envelope. */
  readonly source?: string;
  /** Let `memory:` run although NODE_ENV is "production". */
  readonly allowVolatile?: boolean;
  /** Versions of servers this program was tested with, e.g. `{ redis: ">=6.2 <8" }`; any other is refused at start. */
  readonly services?: ServerRanges;
  /** What this program insists on, whichever backend the URL names: refused at start when it is not there. */
  readonly require?: readonly Requirement[];
  /** Signs every job enqueued here: a key ring, or its `whsec_` secrets. Absent: jobs are not signed. */
  readonly keys?: KeyRing | string | readonly string[];
  /** Spans and metrics: `telemetry()` of `@waybill/core/otel`. Absent: none, at no cost. */
  readonly telemetry?: Telemetry;
}

/** For `connect`, which has more of them, and for `connectProducer`. */
export const PRODUCER_OPTIONS: OptionNames<ProducerOptions> = {
  jobs: true,
  log: true,
  enqueueTimeout: true,
  closeTimeout: true,
  maxBodyBytes: true,
  source: true,
  allowVolatile: true,
  services: true,
  require: true,
  keys: true,
  telemetry: true,
};
