import { type Duration, durationMs } from "./duration.ts";
import { brand, WaybillError } from "./errors.ts";
import type { Outcome } from "./outcome.ts";

/**
 * Thrown by a handler: release the job for this long without spending an attempt. Less than 100 ms counts as 100 ms, so
 * that a job cannot run in a hot loop.
 */
export class RetryLater extends WaybillError {
  static {
    brand(this, "RetryLater");
  }
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
  static {
    brand(this, "Discard");
  }
  constructor(message: string, options?: { cause?: unknown }) {
    super("DISCARD", message, options);
    this.name = "Discard";
  }
}

/** Thrown by a handler that handed its job on: what was decided there is decided here, delay and reason included. */
export class RanElsewhere extends WaybillError {
  static {
    brand(this, "RanElsewhere");
  }
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super("RAN_ELSEWHERE", `the job ran elsewhere and ended as ${outcome.kind}`);
    this.name = "RanElsewhere";
    this.outcome = outcome;
  }
}
