import { type Duration, durationMs } from "../time/duration.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue } from "../known-options.ts";
import { type ErrorMatch, isErrorMatch } from "./error-match.ts";

/** Decides the outcome of a job whose handler throws such an error. The first rule that matches decides. */
export type ErrorRule =
  /** Ends the job at once and keeps it as a dead letter, with the code `NON_RETRYABLE`. */
  | { readonly error: ErrorMatch; readonly do: "dead_letter" }
  /** Ends the job at once and does not keep it, with the code `DISCARDED`: the work was done before, or is no longer wanted. */
  | { readonly error: ErrorMatch; readonly do: "discard" }
  /** Spends an attempt. The next one runs after exactly `delay`; omitted, after the delay that `retry` gives. */
  | { readonly error: ErrorMatch; readonly do: "retry"; readonly delay?: Duration | undefined }
  /** Releases the job for `delay`, more than 0, without spending an attempt. Only a `deadline` ends it. */
  | { readonly error: ErrorMatch; readonly do: "release"; readonly delay: Duration };

/** A rule whose members have been checked. */
export interface CheckedErrorRule {
  readonly error: ErrorMatch;
  readonly verdict: ErrorRule["do"];
  /** Null: the delay that `retry` gives, or none. */
  readonly delayMs: number | null;
}

const RULE_MEMBERS = { error: true, do: true, delay: true } as const;
const VERDICTS: ReadonlySet<unknown> = new Set<ErrorRule["do"]>(["dead_letter", "discard", "retry", "release"]);

/** Throws `CONFIG_INVALID` for an invalid rule, and for one that can never apply because an earlier rule names the same error. */
export function checkedRules(rules: readonly ErrorRule[], type: string): readonly CheckedErrorRule[] {
  if (!Array.isArray(rules))
    throw refuse(`errors of "${type}" is ${describeValue(rules)}: pass a list of { error, do }`);
  const seen = new Set<ErrorMatch>();
  return rules.map((rule, at) => {
    const option = `errors[${at}] of "${type}"`;
    assertKnownOptions(rule, RULE_MEMBERS, `the members of ${option}`);
    if (seen.has(rule.error)) throw refuse(`${option} is about the same error as one before it; keep the first`);
    seen.add(rule.error);
    return { error: errorOf(rule.error, option), verdict: verdictOf(rule, option), delayMs: delayOf(rule, option) };
  });
}

function errorOf(error: ErrorMatch, option: string): ErrorMatch {
  if (isErrorMatch(error)) return error;
  throw refuse(
    `the error of ${option} is ${describeValue(error)}: give a class of errors, a code or name, or "prefix.*"`,
  );
}

function verdictOf(rule: ErrorRule, option: string): ErrorRule["do"] {
  if (VERDICTS.has(rule.do)) return rule.do;
  throw refuse(`${option} does ${describeValue(rule.do)}: one of ${[...VERDICTS].join(", ")}`);
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
