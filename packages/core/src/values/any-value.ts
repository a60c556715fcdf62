/** Reads values of any kind: revoked proxies, objects whose getters throw. No function here throws. */

/** The longest error code that is kept, in UTF-16 units. */
export const CODE_LENGTH = 128;
/** The longest message of a reason, which push responses and dead letters carry, and of a log line. */
const TEXT_LENGTH = 2_000;
const MOST_MEMBERS = 10;

/** As `instanceof`; false where that throws. Never throws. */
export function isInstance<T>(value: unknown, type: abstract new (...given: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Returns a member of any value; undefined where reading it throws. Never throws. */
export function member(value: unknown, key: PropertyKey): unknown {
  if (value === null || value === undefined) return undefined;
  try {
    return (value as Readonly<Record<PropertyKey, unknown>>)[key];
  } catch {
    return undefined;
  }
}

/**
 * Returns `text` with at most `most` UTF-16 units, as every store can keep it: half a surrogate pair and control
 * characters other than tab and line breaks become U+FFFD. A text that was cut says how long it was.
 */
export function cutText(text: string, most: number = TEXT_LENGTH): string {
  return storable(text.length <= most ? text : cut(text, most));
}

function cut(text: string, most: number): string {
  const note = `… (cut, ${text.length} characters)`;
  const end = Math.max(0, most - note.length);
  const splitsPair = /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return `${text.slice(0, splitsPair ? end - 1 : end)}${note}`;
}

// PostgreSQL has no U+0000, SQS refuses what XML has no character for, and a terminal obeys control characters.
const UNSTORABLE = /(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/gu;

function storable(text: string): string {
  return text.replace(UNSTORABLE, "\ufffd");
}

/** Returns a member that is a text and not empty; null for any other. */
export function textMember(value: unknown, key: string): string | null {
  if (typeof value !== "object" && typeof value !== "function") return null;
  const found = member(value, key);
  return typeof found === "string" && found !== "" ? found : null;
}

/** Returns the kind of a value in words. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "string":
      return value === "" ? "an empty string" : "a string";
    case "number":
    case "boolean":
      return `the ${typeof value} ${value}`;
    case "bigint":
      return BigInt.asIntN(64, value) === value ? `the bigint ${value}` : "a bigint beyond 64 bits";
    case "symbol":
      return `the symbol "${value.description ?? ""}"`;
    case "function":
      return `the function ${textMember(value, "name") ?? "without a name"}`;
    case "object":
      return value === null ? "null" : kindOfObject(value);
  }
}

function kindOfObject(value: object): string {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    const keys = Object.keys(value);
    const shown = keys.slice(0, MOST_MEMBERS).map((key) => cutText(key, CODE_LENGTH));
    const more = keys.length > MOST_MEMBERS ? ", …" : "";
    const members = keys.length === 0 ? "" : ` with the members ${shown.join(", ")}${more}`;
    if (prototype === null) return `an object without a prototype${members}`;
    const name = textMember(member(value, "constructor"), "name");
    return name === null || name === "Object" ? `an object${members}` : `an object of class ${name}${members}`;
  } catch {
    return "an object that cannot be read";
  }
}
