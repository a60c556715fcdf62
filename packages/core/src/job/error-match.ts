/**
 * Selects errors. A class selects by `instanceof`. A string selects by `code`, or by `name` for an error without a code;
 * `"prefix.*"` selects every code or name that begins with `prefix.`. Only the thrown error is compared, never its `cause`.
 */
export type ErrorMatch = string | (abstract new (...given: never[]) => Error);

/** Whether `match` is a class of errors, a code, a name, or "prefix.*". */
export function isErrorMatch(match: unknown): match is ErrorMatch {
  if (typeof match === "string") return match !== "" && match !== ".*" && match.length <= 255;
  return typeof match === "function" && (match.prototype === Error.prototype || match.prototype instanceof Error);
}
