import type { DeadReason } from "../backend/contract.ts";
import type { JobLabel } from "../job/delivery.ts";
import type { Outcome } from "../job/outcome.ts";

/** A job whose handler is about to run. */
export interface StartedEvent extends JobLabel {
  /** 1 on the first run. */
  readonly attempt: number;
  /** Deliveries that ended without a settle, since their worker died or lost its lease. */
  readonly lost: number;
  /** Releases so far. */
  readonly releases: number;
  /** The id of the worker or receiver, or "inline". */
  readonly worker: string;
  /** The producer's W3C trace context. Omitted when the envelope has none. */
  readonly traceparent?: string;
  /** Milliseconds from when the job was due until this run began. Of `started` alone; omitted where the envelope and the backend have no such time. */
  readonly waitMs?: number;
}

/** How one delivery ended. */
export interface OutcomeEvent extends StartedEvent {
  readonly outcome: Outcome["kind"];
  /** From the start of the run. 0 when the handler was not called. */
  readonly durationMs: number;
  /** Delay until the next delivery. Only for retry and release. */
  readonly delayMs?: number;
  /** For a dead job: true when it was kept as a dead letter, false when it was discarded. Omitted for other outcomes. */
  readonly kept?: boolean;
  /** Omitted when the job completed. */
  readonly reason?: DeadReason;
  /** The error that the handler threw. Omitted when it did not throw. */
  readonly error?: Error;
  /** True at a receiver of a job that `sendOverHttp` sent: the sender settles the job, and its `settled` counts it in the history. Omitted elsewhere. */
  readonly bySender?: true;
}

export interface EnqueueFailedEvent extends JobLabel {
  /** The error's code: `BACKEND_FULL`, `BACKEND_UNAVAILABLE`, `ENQUEUE_UNKNOWN`, `NOT_REPLICATED`, `ID_CONFLICT`, … */
  readonly code: string;
  readonly message: string;
}

export interface LeaseLostEvent extends JobLabel {
  readonly attempt: number;
  readonly worker: string;
  /** "run": the handler was aborted; "settle": its outcome could not be stored. The job runs elsewhere. */
  readonly during: "run" | "settle";
}

/** A record that is no valid job. It is kept as a dead letter and never ran. */
export interface RejectedEvent {
  /** As `Inspector.deadLetters` lists it; cut to 256 characters. */
  readonly id: string;
  /** As `Inspector.deadLetters` lists it. */
  readonly queue: string;
  /** The spec's code, such as `JSON_SYNTAX`, and one sentence of at most 2,000 characters. */
  readonly reason: DeadReason;
  /** The worker that found it. Null when none was running on the connection. */
  readonly worker: string | null;
}
