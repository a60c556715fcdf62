import { type Attributes, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import type { Sending, SendStart, TraceContext } from "../telemetry.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import { activeBaggage } from "./producer-context.ts";
import { exceptionOf } from "./exception.ts";
import type { Instruments } from "./instruments.ts";
import { originAttributes } from "./origin.ts";
import { fromTraceContext, linksTo, toTraceContext } from "./trace-context.ts";

/** Starts the span `send QUEUE`, from the envelope to the backend's response. Of kind PRODUCER if the run can be its child. */
export function startSend(job: SendStart, tracer: Tracer, instruments: () => Instruments): Sending {
  const startedAt = performance.now();
  const common: Attributes = {
    ...originAttributes(job.to),
    "messaging.operation.name": "send",
    "messaging.destination.name": job.queue,
  };
  const span = tracer.startSpan(`send ${job.queue}`, {
    kind: job.carries ? SpanKind.PRODUCER : SpanKind.CLIENT,
    links: linksTo(fromTraceContext(job.trace)),
    attributes: {
      ...common,
      "messaging.operation.type": "send",
      "messaging.message.id": job.id,
      "waybill.job.type": job.type,
    },
  });
  return {
    trace: carriedBy(toTraceContext(span.spanContext())),
    end({ body, stored, error }) {
      const failure: Attributes = error === null ? {} : { "error.type": errorCode(error) };
      if (span.isRecording()) {
        span.setAttributes({ ...failure, "waybill.stored": stored });
        if (body !== null) span.setAttribute("messaging.message.body.size", Buffer.byteLength(body));
        if (error !== null) {
          span.recordException(exceptionOf(error));
          span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage(error) });
        }
      }
      span.end();
      // A job that was refused before it was sent is not counted as a message.
      if (body === null) return;
      const { sent, operations } = instruments();
      const attributes = { ...common, ...failure };
      sent.add(1, attributes);
      const seconds = (performance.now() - startedAt) / 1_000;
      operations.record(seconds, { ...attributes, "messaging.operation.type": "send" });
    },
  };
}

/** Adds the baggage of the active context to a trace. */
function carriedBy(trace: TraceContext | null): TraceContext | null {
  if (trace === null) return null;
  const baggage = activeBaggage();
  return baggage === null ? trace : { ...trace, baggage };
}
