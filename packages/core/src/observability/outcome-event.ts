import type { OutcomeEvent, StartedEvent } from "./events.ts";
import type { Outcome } from "../job/outcome.ts";

/** Returns the event for an outcome, which `finished` and `settled` share. */
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
      return { ...base, kept: outcome.kept, reason: outcome.reason, ...(outcome.error && { error: outcome.error }) };
  }
}

/** Returns the member of a `ShutdownReport` that counts such an outcome. Never throws. */
export function outcomeCountOf(outcome: Outcome): "completed" | "retried" | "released" | "dead" | "discarded" {
  switch (outcome.kind) {
    case "completed":
      return "completed";
    case "retry":
      return "retried";
    case "release":
      return "released";
    case "dead":
      return outcome.kept ? "dead" : "discarded";
  }
}
