import {
  type Attributes,
  context,
  type Context,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { OutcomeEvent } from "../events.ts";
import { OTHER } from "../metrics/label-values.ts";
import type { Processing, ProcessStart } from "../telemetry.ts";
import { errorCode } from "../../values/thrown.ts";
import { withBaggage } from "./producer-context.ts";
import { exceptionOf } from "./exception.ts";
import type { Instruments } from "./instruments.ts";
import { originAttributes } from "./origin.ts";
import { contextOf, fromTraceContext, linksTo } from "./trace-context.ts";

/** How the producer's span relates to the run's. */
export type ProducerAs = "parent" | "link";

/** Starts the span `process QUEUE`, from the start of a run to its outcome, whether its handler is called or not. */
export function startProcess(
  delivery: ProcessStart,
  producer: ProducerAs,
  tracer: Tracer,
  instruments: () => Instruments,
): Processing {
  const startedAt = performance.now();
  const common: Attributes = {
    ...originAttributes(delivery.from),
    "messaging.operation.name": "process",
    "messaging.destination.name": delivery.queue,
  };
  const { parent, links } = relationsOf(delivery, producer);
  const options = { kind: SpanKind.CONSUMER, links, attributes: { ...common, ...attributesOf(delivery) } };
  const span = tracer.startSpan(`process ${delivery.queue}`, options, parent);
  return {
    // From the root context: the handler finds this span, its producer's baggage and nothing of its endpoint's context.
    within(work) {
      const { waitMs } = delivery;
      if (waitMs !== undefined) {
        const attributes = { ...originAttributes(delivery.from), ...typeAttributes(delivery) };
        instruments().waits.record(waitMs / 1_000, attributes);
      }
      return context.with(withBaggage(trace.setSpan(ROOT_CONTEXT, span), delivery.trace?.baggage), work);
    },
    end(event) {
      const failure = failureOf(event);
      if (span.isRecording()) {
        span.setAttributes({
          ...failure,
          ...verdictOf(event),
          "messaging.message.body.size": Buffer.byteLength(delivery.body),
        });
        if (event.error) span.recordException(exceptionOf(event.error));
        if (event.delayMs !== undefined) span.setAttribute("waybill.delay_ms", Math.round(event.delayMs));
        if ("error.type" in failure) {
          span.setStatus({ code: SpanStatusCode.ERROR, ...(event.reason && { message: event.reason.message }) });
        }
      }
      span.end();
      const { consumed, runs, outcomes } = instruments();
      const attributes = { ...common, ...failure };
      consumed.add(1, attributes);
      runs.record((performance.now() - startedAt) / 1_000, attributes);
      outcomes.add(1, { ...originAttributes(delivery.from), ...typeAttributes(delivery), ...verdictOf(event) });
    },
  };
}

/** Returns the parent of a run: its producer's span, if that may be, else the current span, such as the request of a push. */
function relationsOf(delivery: ProcessStart, as: ProducerAs): { readonly parent: Context; readonly links: Link[] } {
  const producer = fromTraceContext(delivery.trace);
  const around = trace.getSpanContext(context.active()) ?? null;
  if (producer !== null && as === "parent") return { parent: contextOf(producer), links: linksTo(around) };
  return { parent: contextOf(around), links: linksTo(producer) };
}

function attributesOf(delivery: ProcessStart): Attributes {
  return {
    "messaging.operation.type": "process",
    ...(delivery.id !== "" && { "messaging.message.id": delivery.id }),
    "messaging.client.id": delivery.worker,
    "waybill.job.type": delivery.type,
    "waybill.job.attempt": delivery.attempt,
    "waybill.job.lost": delivery.lost,
    "waybill.job.releases": delivery.releases,
    ...(delivery.waitMs !== undefined && { "waybill.job.wait_ms": delivery.waitMs }),
  };
}

/** The attributes of the counter. The span shows every type by its name. */
const typeAttributes = ({ queue, type, registered }: ProcessStart): Attributes => ({
  "messaging.destination.name": queue,
  "waybill.job.type": registered ? type : OTHER,
});

const verdictOf = ({ outcome, reason }: OutcomeEvent): Attributes => ({
  "waybill.outcome": outcome,
  ...(reason && { "waybill.reason": reason.code }),
});

/** Returns the attributes of a failure. A release is no failure. */
function failureOf({ outcome, error, reason }: OutcomeEvent): Attributes {
  if (outcome === "completed" || outcome === "release") return {};
  return { "error.type": error ? errorCode(error) : (reason?.code ?? "_OTHER") };
}
