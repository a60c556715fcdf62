/** Stands where a member was left out. */
export const REDACTED = "[redacted]";

type Paths = readonly (readonly string[])[];

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
