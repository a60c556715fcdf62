import type { JsonValue } from "../envelope/index.ts";
import type { EventBus, OutcomeEvent, StartedEvent } from "./events.ts";
import type { JobLabel, Origin } from "../job/delivery.ts";

/**
 * Traces and counts: `telemetry()` of `@waybill/core/otel`, or an implementation of your own. Core calls it around each
 * enqueue, each delivery and each settle. Calls are synchronous. An error that it throws becomes a process warning and does not
 * affect the job.
 */
export interface Telemetry {
  /** Called before a job is stored. */
  send(job: SendStart): Sending;
  /** Called before a delivery is checked and run. */
  process(delivery: ProcessStart): Processing;
  /** Called after a worker has settled a lease or failed to. A receiver settles by its response, so it never calls this. */
  settled(settling: Settling): void;
  /** Called once for each connection, to count its events. Omitted: they are not counted. */
  listen?(events: EventBus): void;
}

/** W3C trace context and baggage, as in the `meta` of an envelope. */
export interface TraceContext {
  readonly traceparent: string;
  /** Omitted: the trace has none. */
  readonly tracestate?: string;
  /** W3C baggage, as its header has it. Omitted: none. */
  readonly baggage?: string;
}

/** A job that is about to be stored, before its envelope is written. */
export interface SendStart extends JobLabel {
  readonly to: Origin;
  /** The trace that the envelope has already. Null for none. */
  readonly trace: TraceContext | null;
  /** Whether the envelope will carry `Sending.trace`. */
  readonly carries: boolean;
}

/** One enqueue that has begun. */
export interface Sending {
  /** Written to the envelope's `meta` if `SendStart.carries`. Null for none. */
  readonly trace: TraceContext | null;
  /** Called once, when the backend has responded or the job was refused. */
  end(result: Sent): void;
}

/** The result of one enqueue. */
export interface Sent {
  /** The body that was sent to the backend. Null if the job was refused before. */
  readonly body: string | null;
  /** False: the job was stored before, or the enqueue failed. */
  readonly stored: boolean;
  /** Why the job is not stored. Null when it is. */
  readonly error: Error | null;
}

/** A delivery before it is checked and run. */
export interface ProcessStart extends StartedEvent {
  readonly from: Origin;
  /** Whether this program registered a job of exactly this type. If not, the name comes from outside. */
  readonly registered: boolean;
  readonly body: string;
  /** The producer's trace. Null when the envelope has none. */
  readonly trace: TraceContext | null;
}

/** One delivery that has begun. */
export interface Processing {
  /** Calls `work` once, synchronously, within the context that the handler is to run in. */
  within<T>(work: () => T): T;
  /** Called with the outcome, which is not settled yet. */
  end(outcome: OutcomeEvent): void;
}

/** One settle that has ended. */
export interface Settling {
  readonly from: Origin;
  readonly queue: string;
  readonly operation: "ack" | "retry" | "release" | "dead_letter";
  /** Until the backend responded, including the wait for other settles that share the call. */
  readonly durationMs: number;
  /** Why the lease is not settled. Null when it is. */
  readonly error: Error | null;
}

/** Returns the trace in an envelope's `meta`, unchecked. Null for none. */
export function traceOf(meta: { readonly [key: string]: JsonValue | undefined } | undefined): TraceContext | null {
  const { traceparent, tracestate, baggage } = meta ?? {};
  if (typeof traceparent !== "string") return null;
  return {
    traceparent,
    ...(typeof tracestate === "string" && { tracestate }),
    ...(typeof baggage === "string" && { baggage }),
  };
}
