import { type Duration, durationMs } from "./duration.ts";
import { WaybillError } from "./errors.ts";
import { assertKnownOptions, shown } from "./known-options.ts";
import { isNamed } from "./retry-policy.ts";
import { isInstance } from "./thrown.ts";

/**
 * Which errors a rule is about: those of a class, by `instanceof`; or those of a code, else of a name, `"prefix.*"` being
 * all below. The error that was thrown counts, never its `cause`.
 */
export type ErrorMatch = string | (abstract new (...given: never[]) => Error);

/** What becomes of a job whose handler throws such an error. The first rule that matches decides. */
export type ErrorRule =
  /** Kept for a person at once, as `NON_RETRYABLE`. */
  | { readonly error: ErrorMatch; readonly do: "dead_letter" }
  /** Ended and forgotten: the work was done before, or is not wanted any more. */
  | { readonly error: ErrorMatch; readonly do: "discard" }
  /** A failed attempt like any other, but that the next one waits exactly `delay`. Absent: as `retry` says. */
  | { readonly error: ErrorMatch; readonly do: "retry"; readonly delay?: Duration }
  /** Put back for `delay`, more than 0, without spending an attempt: for ever, unless a `deadline` ends it. */
  | { readonly error: ErrorMatch; readonly do: "release"; readonly delay: Duration };

/** A rule as `outcomeOf` asks it. */
export interface ErrorVerdict {
  readonly matches: (thrown: unknown) => boolean;
  readonly verdict: ErrorRule["do"];
  /** Null: what the retry schedule says. */
  readonly delayMs: number | null;
}

const RULE_MEMBERS = { error: true, do: true, delay: true } as const;
const VERDICTS: ReadonlySet<unknown> = new Set<ErrorRule["do"]>(["dead_letter", "discard", "retry", "release"]);

/** Throws `CONFIG_INVALID` for a rule that makes no sense, or that another one before it leaves without work. */
export function verdictsOf(rules: readonly ErrorRule[], type: string): readonly ErrorVerdict[] {
  const seen = new Set<ErrorMatch>();
  return rules.map((rule, at) => {
    const option = `errors[${at}] of "${type}"`;
    assertKnownOptions(rule, RULE_MEMBERS, `the members of ${option}`);
    if (seen.has(rule.error)) throw refuse(`${option} is about the same error as one before it; keep the first`);
    seen.add(rule.error);
    return { matches: matcherOf(rule.error, option), verdict: verdictOf(rule, option), delayMs: delayOf(rule, option) };
  });
}

function matcherOf(error: ErrorMatch, option: string): ErrorVerdict["matches"] {
  if (typeof error === "string" && error !== "" && error !== ".*") return (thrown) => isNamed(thrown, error);
  if (typeof error === "function" && (error.prototype === Error.prototype || error.prototype instanceof Error)) {
    return (thrown) => isInstance(thrown, error);
  }
  throw refuse(`${option} is about no error: give a class of errors, a code or name, or "prefix.*"`);
}

function verdictOf(rule: ErrorRule, option: string): ErrorRule["do"] {
  if (VERDICTS.has(rule.do)) return rule.do;
  throw refuse(`${option} does ${shown(rule.do)}: one of ${[...VERDICTS].join(", ")}`);
}

function delayOf(rule: ErrorRule, option: string): number | null {
  const delay = "delay" in rule ? rule.delay : undefined;
  if (rule.do !== "retry" && rule.do !== "release") {
    if (delay === undefined) return null;
    throw refuse(`${option} has a delay, and nothing follows a ${rule.do}`);
  }
  if (delay === undefined && rule.do === "retry") return null;
  const delayMs = durationMs(delay ?? 0, `delay of ${option}`);
  if (delayMs <= 366 * 86_400_000 && (delayMs > 0 || rule.do === "retry")) return delayMs;
  throw refuse(
    `delay of ${option} is ${delayMs} ms: more than 0, or the job would run again at once, and at most "366d"`,
  );
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
