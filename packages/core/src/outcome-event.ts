import type { OutcomeEvent, StartedEvent } from "./events.ts";
import type { Outcome } from "./outcome.ts";

/** An outcome as an event: what `finished` and `settled` both say. */
export function describeOutcome(started: StartedEvent, outcome: Outcome, elapsedMs: number): OutcomeEvent {
  const base = { ...started, outcome: outcome.kind, durationMs: Math.round(elapsedMs * 10) / 10 };
  switch (outcome.kind) {
    case "completed":
      return base;
    case "retry":
      return { ...base, delayMs: outcome.delayMs, reason: outcome.reason, error: outcome.error };
    case "release":
      return { ...base, delayMs: outcome.delayMs, reason: outcome.reason };
    case "dead":
      return { ...base, reason: outcome.reason, ...(outcome.error && { error: outcome.error }) };
  }
}
