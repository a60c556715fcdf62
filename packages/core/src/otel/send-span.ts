import { type Attributes, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import type { Sending, SendStart } from "../telemetry.ts";
import { errorCode, errorMessage } from "../thrown.ts";
import { exceptionOf } from "./exception.ts";
import type { Instruments } from "./instruments.ts";
import { originAttributes } from "./origin.ts";
import { fromTraceContext, linksTo, toTraceContext } from "./trace-context.ts";

/** `send QUEUE`, from the finished envelope to the backend's answer; of the kind that says whether a run can be its child. */
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
    trace: toTraceContext(span.spanContext()),
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
      // What was refused before it was sent is no message of the backend's.
      if (body === null) return;
      const { sent, operations } = instruments();
      const attributes = { ...common, ...failure };
      sent.add(1, attributes);
      const seconds = (performance.now() - startedAt) / 1_000;
      operations.record(seconds, { ...attributes, "messaging.operation.type": "send" });
    },
  };
}
