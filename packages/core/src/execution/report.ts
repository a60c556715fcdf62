import type { Outcome } from "../job/outcome.ts";
import type { StartedEvent } from "../observability/events.ts";
import { describeOutcome } from "../observability/outcome-event.ts";
import { traceOf } from "../observability/telemetry.ts";
import type { Origin } from "../job/delivery.ts";
import { monotonicMs } from "../time/clock.ts";
import type { Run } from "./run.ts";
import { waitOf } from "./wait-of.ts";

const UNKNOWN_ORIGIN: Origin = { name: "waybill" };

/** Starts the span of this delivery, where anything is traced or counted. Goes on in any case. */
export function startSpan(run: Run): null {
  const { registry, delivery } = run;
  if (registry.telemetry === null) return null;
  const { from = UNKNOWN_ORIGIN, body } = delivery;
  const started = startedEvent(run);
  const registered = registry.events.types.has(started.type);
  const trace = traceOf(run.parsed?.meta);
  run.processing = registry.telemetry.process({ ...started, ...waitField(run), from, registered, body, trace });
  return null;
}

/** Emits `started`, and records it. */
export function reportStarted(run: Run): void {
  const { events } = run.registry;
  run.delivery.recording?.started(run.envelope);
  if (events.has("started")) events.emit("started", { ...startedEvent(run), ...waitField(run) });
}

/** Ends the span and emits `finished`. Without a call of the handler the duration is 0. */
export function reportFinished(run: Run, outcome: Outcome): void {
  const { events } = run.registry;
  if (run.processing === null && !events.has("finished")) return;
  const elapsedMs = run.handlerCalled ? monotonicMs() - run.startedAt : 0;
  const event = describeOutcome(startedEvent(run), outcome, elapsedMs);
  run.processing?.end(event);
  events.emit("finished", event);
}

function waitField({ parsed, delivery }: Run): { readonly waitMs?: number } {
  const waitMs = parsed === null ? null : waitOf(parsed, delivery);
  return waitMs === null ? {} : { waitMs };
}

function startedEvent({ delivery, parsed, queue }: Run): StartedEvent {
  const { label, attempt, lost, releases, worker } = delivery;
  const traceparent = parsed?.meta?.["traceparent"];
  return {
    id: parsed?.id ?? label?.id ?? "",
    type: parsed?.type ?? label?.type ?? "",
    queue,
    attempt,
    lost,
    releases,
    worker,
    ...(typeof traceparent === "string" && { traceparent }),
  };
}
