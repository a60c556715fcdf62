/** Stands where a member was left out. */
export const REDACTED = "[redacted]";
/** Stands for a text that may hold what must not be shown. */
const NOT_SHOWN = "Not shown: its payload cannot be read, so nothing in this text could be redacted.";
/** A shorter value is part of too many words. */
const SHORTEST_HIDDEN = 4;

export type Paths = readonly (readonly string[])[];

/** Returns a copy of a value without what is redacted in any of its texts. */
export type Hide = <T>(value: T) => T;

/** Returns the value without the members at `paths`. Lists are passed through: `items.secret` is in each item. */
export function redacted(value: unknown, paths: Paths): unknown {
  if (paths.length === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => redacted(one, paths));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const below = paths.filter(([first]) => first === name).map((path) => path.slice(1));
      return [name, below.some((path) => path.length === 0) ? REDACTED : redacted(member, below)];
    }),
  );
}

/** Returns `edited` with the redacted members of `original` where they are unchanged. The reverse of `redacted`. */
export function restored(edited: unknown, original: unknown, paths: Paths): unknown {
  if (paths.length === 0 || typeof edited !== "object" || edited === null) return edited;
  if (Array.isArray(edited)) {
    return edited.map((one, at) => restored(one, Array.isArray(original) ? original[at] : undefined, paths));
  }
  const source = (typeof original === "object" && original !== null ? original : {}) as Readonly<
    Record<string, unknown>
  >;
  return Object.fromEntries(
    Object.entries(edited).map(([name, member]) => {
      const below = paths.filter(([first]) => first === name).map((path) => path.slice(1));
      const isHidden = below.some((path) => path.length === 0) && member === REDACTED;
      return [name, isHidden ? source[name] : restored(member, source[name], below)];
    }),
  );
}

/**
 * Returns what hides the redacted values of a payload in other texts: messages, stacks, lines of a log. Values of 4 characters
 * and more. `args`: null where the payload cannot be read, so that no text is shown.
 */
export function hiderOf(args: readonly unknown[] | null, paths: Paths): Hide {
  if (paths.length === 0) return (value) => value;
  if (args === null) return (value) => mapTexts(value, () => NOT_SHOWN);
  const values = new Set<string>();
  for (const one of args) collectAt(one, paths, values);
  // The longest first: a shorter one may be a part of it.
  const hidden = [...values].toSorted((a, b) => b.length - a.length);
  const hide = (text: string): string => hidden.reduce((rest, value) => rest.replaceAll(value, REDACTED), text);
  return (value) => mapTexts(value, hide);
}

function collectAt(value: unknown, paths: Paths, values: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const one of value) collectAt(one, paths, values);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    const below = paths.filter(([first]) => first === name).map((path) => path.slice(1));
    if (below.some((path) => path.length === 0)) collect(member, values);
    else collectAt(member, below, values);
  }
}

function collect(value: unknown, values: Set<string>): void {
  if (typeof value === "object" && value !== null) for (const member of Object.values(value)) collect(member, values);
  else if (typeof value !== "boolean" && String(value).length >= SHORTEST_HIDDEN) values.add(String(value));
}

function mapTexts<T>(value: T, map: (text: string) => string): T {
  if (typeof value === "string") return map(value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => mapTexts(one, map)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, mapTexts(member as unknown, map)]),
  ) as T;
}
