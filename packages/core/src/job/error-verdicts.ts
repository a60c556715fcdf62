import { checkedRules, type ErrorRule } from "./error-rules.ts";
import { isMatch } from "./match-error.ts";

/** A rule as `outcomeOf` uses it. */
export interface ErrorVerdict {
  readonly matches: (thrown: unknown) => boolean;
  readonly verdict: ErrorRule["do"];
  /** Null: the delay that the retry policy gives. */
  readonly delayMs: number | null;
}

/** Returns the rules of a definition as `outcomeOf` uses them. Throws `CONFIG_INVALID` for an invalid one. */
export function verdictsOf(rules: readonly ErrorRule[], type: string): readonly ErrorVerdict[] {
  return checkedRules(rules, type).map(({ error, verdict, delayMs }) => ({
    matches: (thrown) => isMatch(thrown, error),
    verdict,
    delayMs,
  }));
}
