import { WaybillError } from "./errors.ts";

/** The names of an options interface. The compiler refuses a list that leaves one out or invents one. */
export type OptionNames<Options> = { readonly [Name in keyof Required<Options>]: true };

/**
 * Refuses options that do not exist. TypeScript finds most of them; plain JavaScript, a cast and a spread find none, and
 * a misspelled limit must not be a limit that silently is not there. `of` says whose options they are, as in
 * `the options of connect`. Throws `CONFIG_INVALID` with the nearest known name.
 */
export function assertKnownOptions<Options extends object>(
  options: Options,
  known: OptionNames<Options>,
  of: string,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw refuse(`${of} are ${shown(options)}: pass an object with the options by name, or leave it out`);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) throw unknownOption(name, Object.keys(known), of);
  }
}

function unknownOption(name: string, known: readonly string[], of: string): WaybillError {
  const near = nearestName(name, known);
  const hint = near === null ? `known are: ${known.join(", ")}` : `did you mean "${near}"?`;
  return refuse(`${of} have no "${name}"; ${hint}`);
}

/** The known name that `name` most likely stands for, or null when none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const asked = name.toLowerCase();
  const most = asked.length < 4 ? 1 : 2;
  let best: string | null = null;
  let least = most + 1;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const distance = isWithin(asked, other) || isWithin(other, asked) ? 1 : editDistance(asked, other);
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

function isWithin(part: string, whole: string): boolean {
  return part.length >= 4 && whole.includes(part);
}

/** Insertions, deletions and replacements that make one text the other. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [line, letter] of [...one].entries()) {
    const next = [line + 1];
    for (let at = 0; at < other.length; at++) {
      next.push(Math.min(next[at]! + 1, row[at + 1]! + 1, row[at]! + (other[at] === letter ? 0 : 1)));
    }
    row = next;
  }
  return row[other.length]!;
}

/** A value as an error message shows it: short, and never a getter's result or a `toString`. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "a list" : "an object";
    case "symbol":
      return "a symbol";
    default:
      return String(value);
  }
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
