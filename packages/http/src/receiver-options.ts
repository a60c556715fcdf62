import type {
  Duration,
  EventBus,
  JobDefinition,
  KeyRing,
  LogOption,
  Middleware,
  Requirement,
  SignaturePolicy,
  Telemetry,
} from "@waybill/core";
import type { Carrier } from "./carrier.ts";
import type { DoorOptions } from "./door.ts";
import type { DeadPush } from "./push-settler.ts";

/** Who may push: at least one of the two. */
export interface Senders {
  /**
   * Secrets of our own senders: a key ring, `whsec_…`, or "unsigned". A Standard Webhooks library signs by
   * `requestSecret(secret)`.
   */
  readonly keys?: KeyRing | string | readonly string[];
  /** Other carriers that may push: `sqsd(…)`, `cloudTasks(…)`, `qstash(…)`, `pubsub(…)`. */
  readonly carriers?: readonly Carrier[];
}

/** Which jobs run here, who may push them, and how many at once. */
export interface ReceiverOptions extends DoorOptions, Senders {
  /** Definitions with handlers. Two of one type are an error. */
  readonly jobs: readonly JobDefinition[];
  /** Default "/work". */
  readonly path?: string;
  /** Jobs running at once in this process. More are answered 429 at once. Default 10. */
  readonly concurrency?: number;
  /** How long handlers may go on once nobody waits for their answer any more. Default "4s". */
  readonly abort?: Duration;
  /**
   * Keeps a job that will never run, before 200 is answered: for carriers that would deliver it again and then forget
   * it. If it rejects, 503 is answered and the job comes again. Absent: 422, and the carrier does what it does.
   */
  readonly keepDead?: (letter: DeadPush) => Promise<void>;
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[];
  /** Deliveries that may end with their process gone before the job is dead, where the carrier counts them. Default 20. */
  readonly maxLost?: number;
  /**
   * Which jobs run by the signature of their producer, whoever pushed them. Default "off". One that must not run is
   * dead, `SIGNATURE_INVALID`. For all queues: of a pushed job's queue only the job itself tells.
   */
  readonly signatures?: SignaturePolicy;
  /** Secrets of the producers, which `signatures` verifies with; `keys` are the senders'. */
  readonly producerKeys?: KeyRing | string | readonly string[];
  /** One JSON line per transition: to stdout, nowhere, or into a function. Default "stdout". */
  readonly log?: LogOption;
  /** Hears of every job and every refusal. Default: one of its own, in `receiver.events`. */
  readonly events?: EventBus;
  /** Spans and metrics: `telemetry()` of `@waybill/core/otel`. Absent: none, at no cost. */
  readonly telemetry?: Telemetry;
  /** What this program insists on of the door its jobs come through; a push has no lease. */
  readonly require?: readonly Requirement[];
}

/** How a receiver ends. Each limit is its own; the defaults fit a platform that kills after 30 s. */
export interface StopOptions {
  /** Running jobs may finish for this long. Default "20s". */
  readonly drain?: Duration;
  /** Then their signals abort, and they may end for this long. Default "4s". */
  readonly abort?: Duration;
  /** For the report. Default "stop". */
  readonly reason?: string;
}
