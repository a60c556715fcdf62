import { LIMIT_NAME, MOST_LIMITS } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import { textLength } from "../values/text-length.ts";
import type { JobDefinition } from "./job-definition.ts";
import type { DefinedLimit, JobLimit, LimitNumber } from "./limit-options.ts";

const LIMIT_OPTIONS: OptionNames<{ [Name in keyof JobLimit]: unknown }> = {
  name: true,
  key: true,
  concurrency: true,
  rate: true,
  burst: true,
};

const MOST_AT_ONCE = 10_000;
const MOST_STARTS = 1_000_000;
const LONGEST_PERIOD_MS = 31 * 86_400_000;
/** The key of a limit that has none. */
const ONE_KEY = "all";

const checked = new WeakMap<readonly JobLimit[], readonly DefinedLimit[]>();

/** Returns the limits of a definition with their names. Throws `CONFIG_INVALID` for one that cannot work. */
export function limitsOf({ limits, type }: Pick<JobDefinition, "limits" | "type">): readonly DefinedLimit[] {
  let defined = typeof limits === "object" && limits !== null ? checked.get(limits) : undefined;
  if (defined === undefined) checked.set(limits, (defined = definedLimits(limits, type)));
  return defined;
}

function definedLimits(limits: readonly JobLimit[], type: string): DefinedLimit[] {
  if (!Array.isArray(limits)) {
    throw refuse(`limits of "${type}" are ${describeValue(limits)}: pass a list, such as [{ concurrency: 1 }]`);
  }
  if (limits.length > MOST_LIMITS) {
    throw refuse(`"${type}" has ${limits.length} limits: ${MOST_LIMITS} at most`);
  }
  const defined = (limits as readonly JobLimit[]).map((limit, at) => definedLimit(limit, type, at));
  for (const [at, { name }] of defined.entries()) {
    if (defined.findIndex((other) => other.name === name) !== at) {
      throw refuse(`two limits of "${type}" are named "${name}"; give each its own name`);
    }
  }
  return defined;
}

function definedLimit(limit: JobLimit, type: string, at: number): DefinedLimit {
  const which = `limits[${at}] of "${type}"`;
  assertKnownOptions(limit, LIMIT_OPTIONS, `the members of ${which}`);
  const { name = at === 0 ? type : `${type}#${at + 1}`, key = null } = limit;
  if (typeof name !== "string" || !LIMIT_NAME.test(name)) {
    throw refuse(
      `the name of ${which} is ${describeValue(name)}: use 1 to 140 lower-case letters, digits and _ . - #, beginning with a letter`,
    );
  }
  if (key !== null && typeof key !== "function") assertKey(key, name);
  return { name, key: key as DefinedLimit["key"], number: limitNumber(limit, which) };
}

/** Returns the number of a limit. `which` begins the message of an error. Throws `CONFIG_INVALID`. */
export function limitNumber({ concurrency, rate, burst }: JobLimit, which: string): LimitNumber {
  if (burst !== undefined && rate === undefined) {
    throw refuse(
      `${which} has a burst without a rate; add one, as in { rate: "100/1s", burst: 20 }, or leave the burst out`,
    );
  }
  if ((concurrency === undefined) === (rate === undefined)) {
    throw refuse(
      `${which} has ${rate === undefined ? "neither concurrency nor rate" : "both concurrency and rate"}; give one`,
    );
  }
  if (concurrency !== undefined) {
    return { kind: "concurrency", most: wholeNumber(concurrency, `concurrency of ${which}`, MOST_AT_ONCE) };
  }
  return rateOf(rate, burst, which);
}

function rateOf(rate: unknown, burst: unknown, which: string): LimitNumber {
  const [, count = "", period = ""] = (typeof rate === "string" && /^(\d+)\/(.+)$/.exec(rate)) || [];
  if (count === "")
    throw refuse(`the rate of ${which} is ${describeValue(rate)}: write starts and a period, such as "100/1s"`);
  const perMs = durationMs(period as Duration, `the period in the rate of ${which}`);
  if (perMs < 1 || perMs > LONGEST_PERIOD_MS)
    throw refuse(`the period in the rate of ${which} is ${perMs} ms: 1 ms to "31d"`);
  return {
    kind: "rate",
    count: wholeNumber(Number(count), `the rate of ${which}`, MOST_STARTS),
    perMs,
    burst: burst === undefined ? 1 : wholeNumber(burst, `burst of ${which}`, MOST_STARTS),
  };
}

function wholeNumber(value: unknown, name: string, most: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw refuse(`${name} is ${describeValue(value)}: a whole number from 1 to ${most}`);
}

/**
 * Returns the keys of one job by the names of its limits, for `meta.limits`. `args` are those of its envelope. Throws `CONFIG_INVALID` for a key that is not a text of 1 to 255 characters; what a key function throws passes through.
 */
export function limitKeysOf(definition: JobDefinition, args: readonly unknown[]): { [name: string]: string } {
  const payload = definition.positional ? args : args[0];
  const keys: { [name: string]: string } = {};
  for (const { name, key } of limitsOf(definition)) {
    const value: unknown = typeof key === "function" ? key(payload) : (key ?? ONE_KEY);
    keys[name] = assertKey(value, name);
  }
  return keys;
}

function assertKey(key: unknown, name: string): string {
  if (typeof key === "string" && key !== "" && textLength(key) <= 255) return key;
  const found = typeof key === "string" ? `${textLength(key)} characters long` : describeValue(key);
  throw refuse(`the key of limit "${name}" is ${found}: a text of 1 to 255 characters`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
