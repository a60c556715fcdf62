import type { JsonValue } from "./envelope/index.ts";
import type { JobLabel, OutcomeEvent, StartedEvent } from "./events.ts";

/**
 * Who traces and counts: `telemetry()` of `@waybill/core/otel`, or a thing of your own. Core calls it around each job that is
 * stored, each delivery that is judged and each settle. Calls are synchronous; one that throws is a process warning and
 * harms no job.
 */
export interface Telemetry {
  /** A job is about to be stored. */
  send(job: SendStart): Sending;
  /** A delivery is about to be judged, and run unless that refuses it. */
  process(delivery: ProcessStart): Processing;
  /** A lease was settled, or could not be. Of a worker alone: a receiver settles by its answer. */
  settled(settling: Settling): void;
}

/** What holds or brings a job: a backend, or a carrier of pushed jobs, which has no address. */
export interface Origin {
  /** "sqlite", "rabbitmq"; "sqsd", "native". */
  readonly name: string;
  /** Without secrets. */
  readonly address?: string;
}

/** W3C trace context, as `meta` of an envelope carries it. */
export interface TraceContext {
  readonly traceparent: string;
  /** Absent: the trace has none. */
  readonly tracestate?: string;
}

/** A job that is about to be stored, before its envelope is written. */
export interface SendStart extends JobLabel {
  readonly to: Origin;
  /** What the envelope says already, by its caller or its maker; null when it says nothing. */
  readonly trace: TraceContext | null;
  /** Whether the envelope will carry `Sending.trace`. */
  readonly carries: boolean;
}

/** One store under way. */
export interface Sending {
  /** For the envelope's `meta`; null when there is nothing to carry. Ignored where the envelope carries none of ours. */
  readonly trace: TraceContext | null;
  /** Called once, when the backend has answered or the job was refused. */
  end(result: Sent): void;
}

/** What became of a job that was to be stored. */
export interface Sent {
  /** As handed to the backend; null when it was refused before. */
  readonly body: string | null;
  /** False: it was there already, or it failed. */
  readonly stored: boolean;
  /** Why it is not stored; null when it is. */
  readonly error: Error | null;
}

/** A delivery that is about to be judged. */
export interface ProcessStart extends StartedEvent {
  readonly from: Origin;
  /** Whether this program registered a job of exactly this type. If not, anybody may have chosen its name. */
  readonly registered: boolean;
  readonly body: string;
  /** The producer's; null when the envelope carries none. */
  readonly trace: TraceContext | null;
}

/** One delivery under way. */
export interface Processing {
  /** Calls `work` once, at once, within whatever the handler is to find around it. */
  within<T>(work: () => T): T;
  /** The verdict, which is not stored yet. */
  end(outcome: OutcomeEvent): void;
}

/** One settle, answered. */
export interface Settling {
  readonly from: Origin;
  readonly queue: string;
  readonly operation: "ack" | "retry" | "release" | "dead_letter";
  /** Until the backend answered, waiting for others to share the call included. */
  readonly durationMs: number;
  /** Why the lease is not settled; null when it is. */
  readonly error: Error | null;
}

/** Null for an envelope without one; what it says is for its reader to judge. */
export function traceOf(meta: { readonly [key: string]: JsonValue | undefined } | undefined): TraceContext | null {
  const { traceparent, tracestate } = meta ?? {};
  if (typeof traceparent !== "string") return null;
  return typeof tracestate === "string" ? { traceparent, tracestate } : { traceparent };
}
