import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";

/** Returns a `CONFIG_INVALID` error. The message names what is wrong, its value and what to do. Never throws. */
export function configInvalid(message: string, cause?: unknown): WaybillError {
  return new WaybillError("CONFIG_INVALID", message, cause === undefined ? undefined : { cause });
}

/** The values that `wholeNumber` accepts. */
export interface WholeNumberLimits {
  /** The smallest value. */
  readonly least: number;
  /** The largest value. Default: the largest safe integer. */
  readonly most?: number;
  /** Whether Infinity is accepted, as "no limit". Default false. */
  readonly orInfinity?: boolean;
  /** Ends the error: why that is so, or how a URL writes it. Default: nothing. */
  readonly why?: string;
}

/** Returns the value if it is such a whole number. Throws `CONFIG_INVALID` otherwise. `option` is as in "sqs: pollSeconds". */
export function wholeNumber(option: string, value: unknown, limits: WholeNumberLimits): number {
  const { least, most = Number.MAX_SAFE_INTEGER, orInfinity = false, why = "" } = limits;
  if (orInfinity && value === Infinity) return value;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const upTo = limits.most === undefined ? "" : ` to ${most}`;
  const infinity = orInfinity ? ", or Infinity" : "";
  throw configInvalid(`${option} is ${describeValue(value)}: a whole number from ${least}${upTo}${infinity}${why}`);
}

/**
 * Throws `CONFIG_INVALID` for what is no text: plain JavaScript, and a variable of the environment that is not set, hand in
 * anything. `remedy` says what to do, as in "name a file, such as ./waybill.db".
 */
export function assertText(option: string, value: unknown, remedy: string): asserts value is string {
  if (typeof value === "string") return;
  const reason = value === undefined ? "; is its environment variable set? Otherwise" : ";";
  throw configInvalid(`${option} is ${describeValue(value)}${reason} ${remedy}`);
}

/** Which finished jobs a store remembers, to be looked at. A zero keeps none. */
export interface RetainFinished {
  /** How long. Default 86,400,000: a day. */
  readonly maxAgeMs?: number | undefined;
  /** How many, in all queues together. Default 10,000. */
  readonly maxCount?: number | undefined;
}

const RETENTION: OptionNames<RetainFinished> = { maxAgeMs: true, maxCount: true };

/** Fills in the defaults of the option `retainFinished`. Throws `CONFIG_INVALID`. `backend` is as in "sqlite". */
export function retentionOf(backend: string, options: RetainFinished = {}): { maxAgeMs: number; maxCount: number } {
  assertKnownOptions(options, RETENTION, "the members of retainFinished");
  const { maxAgeMs = 86_400_000, maxCount = 10_000 } = options;
  const limits = { least: 0, orInfinity: true };
  return {
    maxAgeMs: wholeNumber(`${backend}: retainFinished.maxAgeMs`, maxAgeMs, limits),
    maxCount: wholeNumber(`${backend}: retainFinished.maxCount`, maxCount, limits),
  };
}
