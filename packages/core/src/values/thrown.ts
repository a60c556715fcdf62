import { CODE_LENGTH, cutText, isInstance, kindOf, member, textMember } from "./any-value.ts";

/**
 * Reads thrown values. A thrown value can be anything: a revoked proxy, an object without a prototype, an error whose
 * getters throw. No function here throws, and every text has a stated maximum length.
 */

/** The longest text of an error. The rest of a message is for the words around it. */
const ERROR_LENGTH = 1_900;
/** The longest stack that is kept, in UTF-16 units. */
const STACK_LENGTH = 8_000;
/** How much of the frames is read, in UTF-16 units. */
const FRAMES_LENGTH = 65_536;
const MOST_CAUSES = 3;
const MOST_FRAMES = 8;

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
 * Returns where a thrown value was made: at most 8 frames, those of the program before those of its packages and of Node.
 * None where it has no stack. Never throws.
 */
export function errorFrames(thrown: unknown): string[] {
  const stack = textMember(thrown, "stack");
  if (stack === null) return [];
  // It begins with the message, which may be longer than all frames, and may look like one.
  const message = textMember(thrown, "message") ?? "";
  const at = stack.indexOf(message);
  const begins = at >= 0 && !stack.slice(0, at).includes("\n");
  const traced = begins ? stack.slice(at + message.length) : stack;
  const lines = traced.slice(0, FRAMES_LENGTH).split("\n");
  const frames = lines.map((line) => cutText(line.trim())).filter((line) => line.startsWith("at "));
  const isForeign = (frame: string): boolean => /[\\/]node_modules[\\/]|\bnode:|\(<anonymous>\)/.test(frame);
  const own = frames.filter((frame) => !isForeign(frame));
  return [...own, ...frames.filter(isForeign)].slice(0, MOST_FRAMES);
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
export function causeOf(thrown: unknown): unknown {
  return member(thrown, "cause") ?? member(member(thrown, "errors"), 0);
}

function nameAndMessage(thrown: unknown): string {
  const [name, message] = [errorName(thrown), wholeMessage(thrown)];
  return message === "" ? name : `${name}: ${message}`;
}
