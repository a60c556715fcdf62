import { type Duration, durationMs } from "./duration.ts";
import { WaybillError } from "./errors.ts";
import type { Outcome } from "./outcome.ts";

/** Thrown by a handler: put the job back without spending an attempt, for this long; 0 is at once. */
export class RetryLater extends WaybillError {
  readonly delayMs: number;
  /** Throws `CONFIG_INVALID` for what is no duration. */
  constructor(delay: Duration, message = "the handler asked to be run later") {
    super("RETRY_LATER", message);
    this.name = "RetryLater";
    this.delayMs = durationMs(delay, "the delay of RetryLater");
  }
}

/** Thrown by a handler: this job will never succeed; keep it for a person. */
export class Discard extends WaybillError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("DISCARD", message, options);
    this.name = "Discard";
  }
}

/** Thrown by a handler that handed its job on: what was decided there is decided here, delay and reason included. */
export class RanElsewhere extends WaybillError {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super("RAN_ELSEWHERE", `the job ran elsewhere and ended as ${outcome.kind}`);
    this.name = "RanElsewhere";
    this.outcome = outcome;
  }
}
