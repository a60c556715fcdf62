import { WaybillError } from "./errors.ts";

/** The names of an options interface. The compiler refuses a list that leaves one out or invents one. */
export type OptionNames<Options> = { readonly [Name in keyof Required<Options>]: true };

/**
 * Throws `CONFIG_INVALID` for an option that does not exist, with the nearest known name. TypeScript finds most of them;
 * plain JavaScript, casts and spreads find none, and a misspelled limit must not be ignored. `of` says what the options
 * belong to, such as `the options of connect`.
 */
export function assertKnownOptions<Options extends object>(
  options: Options,
  known: OptionNames<Options>,
  of: string,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw refuse(`${of} are ${describeValue(options)}: pass an object with the options by name, or leave it out`);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) throw unknownOption(name, Object.keys(known), of);
  }
}

/**
 * Throws `CONFIG_INVALID` for an option that protects something and is undefined: a secret or an allowlist that is read from
 * an unset environment variable must not mean that everything is allowed. `remedy` is given where the option cannot be
 * left out.
 */
export function assertGuardOptions<Options extends object>(
  options: Options,
  names: readonly (keyof Options & string)[],
  of: string,
  remedy?: string,
): void {
  for (const name of names) {
    if (options[name] !== undefined || !(name in options || remedy !== undefined)) continue;
    throw refuse(
      `"${name}" in ${of} is undefined; is its environment variable set? ${remedy ?? `Leave "${name}" out to go without`}`,
    );
  }
}

function unknownOption(name: string, known: readonly string[], of: string): WaybillError {
  return refuse(`${of} have no "${name}"; ${unknownName(name, known)}`);
}

/** Returns the end of an error about a name that is not among `known`: the nearest of them, or all when none is near. Never throws. */
export function unknownName(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return near === null ? `known are: ${known.join(", ")}` : `did you mean "${near}"?`;
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

/** The number of insertions, deletions and replacements between two texts. */
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

/** Returns a value as error messages show it: short, without calling a getter or `toString`. Never throws. */
export function describeValue(value: unknown): string {
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
