import { type Duration, durationMs } from "../time/duration.ts";
import { brand, WaybillError } from "../errors.ts";
import type { Outcome } from "./outcome.ts";

/**
 * Releases the job for `delay` without spending an attempt, when a handler throws it. A delay below 100 ms becomes 100 ms,
 * so that a job cannot run in a hot loop.
 */
export class RetryLater extends WaybillError {
  static {
    brand(this, "RetryLater");
  }
  readonly delayMs: number;
  /** Throws `CONFIG_INVALID` for an invalid duration. */
  constructor(delay: Duration, message = "the handler asked to be run later") {
    super("RETRY_LATER", message);
    this.name = "RetryLater";
    this.delayMs = durationMs(delay, "the delay of RetryLater");
  }
}

/**
 * Ends the job and keeps it as a dead letter, with the code `DEAD_LETTERED` and the message as the reason. A handler throws
 * it when the job can never succeed and a person is to look at it. No further attempt runs, however many are left.
 */
export class DeadLetter extends WaybillError {
  static {
    brand(this, "DeadLetter");
  }
  constructor(message: string, options?: { cause?: unknown }) {
    super("DEAD_LETTERED", message, options);
    this.name = "DeadLetter";
  }
}

/**
 * Ends the job and does not keep it. A handler throws it when the work is done already or no longer wanted. The backend
 * removes the job as if it had completed; what remains is the `settled` event and its log line, with the code `DISCARDED`
 * and the message, and the counters `discarded` and `waybill_discarded_total`.
 */
export class Discard extends WaybillError {
  static {
    brand(this, "Discard");
  }
  constructor(message: string, options?: { cause?: unknown }) {
    super("DISCARDED", message, options);
    this.name = "Discard";
  }
}

/** Ends this run with an outcome from elsewhere, delay and reason included. A handler that forwarded its job throws it. */
export class Forwarded extends WaybillError {
  static {
    brand(this, "Forwarded");
  }
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super("FORWARDED", `the job was forwarded and ended as ${outcome.kind}`);
    this.name = "Forwarded";
    this.outcome = outcome;
  }
}
