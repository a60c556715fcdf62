import { type Duration, durationMs } from "../time/duration.ts";
import type { ErrorMatch } from "./error-match.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import { isErrorMatch } from "./error-match.ts";

/**
 * When the next attempt follows a failed one. Omitted members have the spec's defaults. `Match` is `string` in the options
 * of one enqueue, since the envelope cannot carry a class.
 */
export interface RetryOptions<Match = ErrorMatch> {
  /** Attempts in all, including the first: 1 to 100. Default 10. */
  readonly maxAttempts?: number | undefined;
  /** Delay after the first failure, before jitter. Default "5s". */
  readonly initial?: Duration | undefined;
  /** Each delay is the previous one times this, at least 1. Default 2. */
  readonly factor?: number | undefined;
  /** Longest delay. Default "1h". */
  readonly max?: Duration | undefined;
  /** Multiplies each delay by 0.5 to 1.5, derived from the job id. Default true. */
  readonly jitter?: boolean | undefined;
  /**
   * Errors that dead-letter the job at once: classes, codes, names, or `"prefix.*"`, as `ErrorMatch` compares them. At most
   * 100. Default none.
   */
  readonly nonRetryable?: readonly Match[] | undefined;
  /**
   * The end of a job whose last attempt fails: "dead_letter" keeps it as a dead letter; "discard" ends it and does
   * not keep it. The code is `ATTEMPTS_EXHAUSTED` either way. Default "dead_letter".
   */
  readonly onExhaustion?: "dead_letter" | "discard" | undefined;
}

const RETRY_OPTIONS: OptionNames<RetryOptions> = {
  maxAttempts: true,
  initial: true,
  factor: true,
  max: true,
  jitter: true,
  nonRetryable: true,
  onExhaustion: true,
};

/** Throws `CONFIG_INVALID` for an invalid member. `of` names the job in the message. */
export function checkRetry(retry: RetryOptions, of: string): void {
  assertKnownOptions(retry, RETRY_OPTIONS, `the retry options of ${of}`);
  const { maxAttempts = 10, factor = 2, initial = 5_000, max = 3_600_000 } = retry;
  if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > 100) {
    throw refuse(
      `retry.maxAttempts of ${of} is ${describeValue(maxAttempts)}: a whole number from 1 to 100, the first attempt included`,
    );
  }
  const { nonRetryable = [] } = retry;
  if (!Array.isArray(nonRetryable) || nonRetryable.length > 100) {
    const given = Array.isArray(nonRetryable) ? `a list of ${nonRetryable.length}` : describeValue(nonRetryable);
    throw refuse(
      `retry.nonRetryable of ${of} is ${given}: give a list of at most 100 codes, names or classes of errors`,
    );
  }
  for (const [at, match] of nonRetryable.entries()) {
    if (isErrorMatch(match)) continue;
    const remedy = `a code or name of 1 to 255 characters, "prefix.*", or a class of errors`;
    throw refuse(`retry.nonRetryable[${at}] of ${of} is ${describeValue(match)}: give ${remedy}`);
  }
  if (!Number.isFinite(factor) || factor < 1) {
    throw refuse(`retry.factor of ${of} is ${describeValue(factor)}: a number of at least 1`);
  }
  const { jitter, onExhaustion } = retry;
  if (jitter !== undefined && typeof jitter !== "boolean") {
    throw refuse(`retry.jitter of ${of} is ${describeValue(jitter)}: true or false`);
  }
  if (onExhaustion !== undefined && onExhaustion !== "dead_letter" && onExhaustion !== "discard") {
    throw refuse(`retry.onExhaustion of ${of} is ${describeValue(onExhaustion)}: "dead_letter" or "discard"`);
  }
  for (const [name, value] of [
    ["initial", initial],
    ["max", max],
  ] as const) {
    const option = `retry.${name} of ${of}`;
    const ms = durationMs(value, option);
    if (ms <= 0 || ms > 366 * 86_400_000) throw refuse(`${option} is ${ms} ms: more than 0 and at most "366d"`);
  }
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
