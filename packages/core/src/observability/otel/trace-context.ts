import {
  createTraceState,
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import type { TraceContext } from "../telemetry.ts";

/** W3C Trace Context, level 1 and what later versions add to its end. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Returns a trace context for an envelope, whatever propagator the program uses. Null for an invalid span. */
export function toTraceContext(span: SpanContext): TraceContext | null {
  if (!isSpanContextValid(span)) return null;
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
  const traceparent = `00-${span.traceId}-${span.spanId}-${flags}`;
  const tracestate = span.traceState?.serialize() ?? "";
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}

/** Returns the producer's span. Null for a trace context that cannot be read. */
export function fromTraceContext(carried: TraceContext | null): SpanContext | null {
  const [, version = "", traceId = "", spanId = "", flags = "", more] =
    TRACEPARENT.exec(carried?.traceparent ?? "") ?? [];
  if (version === "00" && more !== undefined) return null;
  const state = carried?.tracestate;
  const span: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
  return isSpanContextValid(span) ? span : null;
}

/** Returns a context with `span` as the active one and nothing else. */
export function contextOf(span: SpanContext | null): Context {
  return span === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span);
}

export function linksTo(span: SpanContext | null | undefined): Link[] {
  return span && isSpanContextValid(span) ? [{ context: span }] : [];
}
