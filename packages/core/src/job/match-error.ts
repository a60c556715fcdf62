import { isInstance } from "../values/any-value.ts";
import { errorCode } from "../values/thrown.ts";
import type { ErrorMatch } from "./error-match.ts";

/** Whether a thrown value is of the class, or has the code or name. */
export function isMatch(thrown: unknown, match: ErrorMatch): boolean {
  return typeof match === "string" ? isNamed(thrown, match) : isInstance(thrown, match);
}

/** Whether the code of a thrown value, or its name if it has no code, equals the pattern or begins as `"prefix.*"` says. */
function isNamed(thrown: unknown, pattern: string): boolean {
  const name = errorCode(thrown);
  return pattern.endsWith(".*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
