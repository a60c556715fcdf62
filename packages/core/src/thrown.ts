/**
 * Reads values that somebody threw. A thrown value can be anything: a proxy that was revoked, an object without a
 * prototype, an error whose getters throw. No function here throws, and every text has a stated length.
 */

/** The longest error code that is kept, in UTF-16 units. */
export const CODE_LENGTH = 128;
/** The longest text of a reason, and so of a push answer and a dead letter, and of a message in a log line. */
const TEXT_LENGTH = 2_000;
/** The longest text of an error. The rest is for the words around it. */
const ERROR_LENGTH = TEXT_LENGTH - 100;
/** The longest stack that is kept, in UTF-16 units. */
const STACK_LENGTH = 8_000;
const MOST_CAUSES = 3;
const MOST_FRAMES = 8;
const MOST_MEMBERS = 10;

/**
 * Returns a thrown value as an Error, so that code after a `catch` has one shape to read. An Error is returned as it is.
 * Of any other value the `name`, `code`, `message` and `stack` are copied, and the value itself is the `cause`.
 */
export function toError(thrown: unknown): Error {
  if (isSound(thrown)) return thrown;
  const error = new Error(errorMessage(thrown), { cause: thrown });
  const [name, code, stack] = [errorName(thrown), textMember(thrown, "code"), errorStack(thrown)];
  if (name !== error.name) error.name = name;
  if (stack !== null) error.stack = stack;
  return code === null ? error : Object.assign(error, { code: cutText(code, CODE_LENGTH) });
}

/** Returns "name: message" of a thrown value and of up to three causes. At most 1,900 UTF-16 units. Never throws. */
export function describeError(thrown: unknown): string {
  let text = nameAndMessage(thrown);
  let cause = causeOf(thrown);
  for (let depth = 0; depth < MOST_CAUSES && cause !== undefined && cause !== null; depth++) {
    // Many wrappers repeat what they wrap.
    if (!text.includes(wholeMessage(cause))) text += `; caused by ${nameAndMessage(cause)}`;
    cause = causeOf(cause);
  }
  return cutText(text, ERROR_LENGTH);
}

/**
 * Returns the message of a thrown value. Of one without a message: what kind of value it is. At most 1,900 UTF-16
 * units. Never throws.
 */
export function errorMessage(thrown: unknown): string {
  return cutText(wholeMessage(thrown), ERROR_LENGTH);
}

/** Returns the code of a thrown value if it is a text, else its name. At most 128 UTF-16 units. Never throws. */
export function errorCode(thrown: unknown): string {
  return cutText(textMember(thrown, "code") ?? errorName(thrown), CODE_LENGTH);
}

/**
 * Returns the name of a thrown value; of an error that has none of its own, that of its class: `class CardDeclined extends
 * Error` is a "CardDeclined". Else "Error". At most 128 UTF-16 units.
 */
export function errorName(thrown: unknown): string {
  const name = typeof thrown === "function" ? null : textMember(thrown, "name");
  if (name !== null && name !== "Error") return cutText(name, CODE_LENGTH);
  const className = isInstance(thrown, Error) ? textMember(member(thrown, "constructor"), "name") : null;
  return className === null ? "Error" : cutText(className, CODE_LENGTH);
}

/** Returns the stack of a thrown value; null if it has none. At most 8,000 UTF-16 units. Never throws. */
export function errorStack(thrown: unknown): string | null {
  const stack = textMember(thrown, "stack");
  return stack === null ? null : cutText(stack, STACK_LENGTH);
}

/**
 * Returns where a thrown value was made, for a log line: at most 8 frames, those of the program before those of its
 * packages and of Node. Null where it has no stack.
 */
export function errorFrames(thrown: unknown): string[] | null {
  const lines = errorStack(thrown)?.split("\n") ?? [];
  const frames = lines.map((line) => line.trim()).filter((line) => line.startsWith("at "));
  if (frames.length === 0) return null;
  const isForeign = (frame: string): boolean => /[\\/]node_modules[\\/]|\bnode:|\(<anonymous>\)/.test(frame);
  const own = frames.filter((frame) => !isForeign(frame));
  return [...own, ...frames.filter(isForeign)].slice(0, MOST_FRAMES);
}

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

function isSound(thrown: unknown): thrown is Error {
  return (
    isInstance(thrown, Error) &&
    typeof member(thrown, "message") === "string" &&
    typeof member(thrown, "name") === "string"
  );
}

function wholeMessage(thrown: unknown): string {
  if (typeof thrown === "string" && thrown !== "") return thrown;
  const message = textMember(thrown, "message");
  if (message !== null) return message;
  return isInstance(thrown, Error) && member(thrown, "message") === "" ? "" : `${kindOf(thrown)} was thrown`;
}

/** Of an AggregateError, which often has no message of its own, the first error. */
function causeOf(thrown: unknown): unknown {
  return member(thrown, "cause") ?? member(member(thrown, "errors"), 0);
}

function nameAndMessage(thrown: unknown): string {
  const [name, message] = [errorName(thrown), wholeMessage(thrown)];
  return message === "" ? name : `${name}: ${message}`;
}

/** A member that is a text, and not an empty one. */
function textMember(value: unknown, key: string): string | null {
  if (typeof value !== "object" && typeof value !== "function") return null;
  const found = member(value, key);
  return typeof found === "string" && found !== "" ? found : null;
}

/** What kind of value it is, in words. */
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
