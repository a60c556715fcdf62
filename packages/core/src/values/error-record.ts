import { CODE_LENGTH, cutText, member } from "./any-value.ts";
import { causeOf, errorFrames, errorMessage, errorName } from "./thrown.ts";

/**
 * An error as it is logged, passed to listeners and stored with a dead letter: plain data, at most 8,000 characters as
 * JSON in ASCII.
 */
export interface ErrorRecord extends ErrorFacts {
  /** Its causes, the nearest first; at most 3. */
  readonly causes: readonly ErrorFacts[];
}

/** One error of an `ErrorRecord`. */
export interface ErrorFacts {
  /** Its `name`, or that of its class: "CardDeclined". */
  readonly name: string;
  /** Its `code`; null if it has none. */
  readonly code: string | null;
  readonly message: string;
  /** At most 8 frames, those of the program before those of its packages and of Node; empty if it has no stack. */
  readonly stack: readonly string[];
}

/** The longest record, in characters of ASCII. */
const LONGEST = 8_000;
/** The longest text that is parsed. */
const LONGEST_READ = 65_536;
const LONGEST_FRAME = 300;
const MOST_CAUSES = 3;
const MOST_FRAMES = 8;

/** Limits that are tried in turn until the record is short enough: characters of a message, frames of the error, of a cause. */
const SIZES = [
  [1_900, MOST_FRAMES, MOST_FRAMES],
  [900, MOST_FRAMES, 3],
  [300, 4, 1],
  [100, 1, 0],
  [20, 0, 0],
] as const;

/**
 * Returns the record of a thrown value and of up to three causes. `after`: a value thrown before it, which counts as the
 * cause of one that has none. Never throws.
 */
export function errorRecord(thrown: unknown, after?: unknown): ErrorRecord {
  const causes: ErrorFacts[] = [];
  const seen = new Set<unknown>([thrown]);
  let cause = causeOf(thrown) ?? after;
  while (causes.length < MOST_CAUSES && cause !== undefined && cause !== null && !seen.has(cause)) {
    seen.add(cause);
    causes.push(factsOf(cause));
    cause = causeOf(cause);
  }
  return fitted({ ...factsOf(thrown), causes });
}

/**
 * Returns a record as a console prints an error: name and message, the frames, and the causes with their first frame. Line
 * breaks of messages are kept. Never throws.
 */
export function errorText({ causes, ...error }: ErrorRecord): string {
  const shown = new Set(error.stack);
  const own = ({ stack, ...cause }: ErrorFacts): ErrorFacts => ({
    ...cause,
    stack: stack.filter((frame, n) => !shown.has(frame) || n === 0),
  });
  return [traceOf(error), ...causes.map((cause) => `caused by ${traceOf(own(cause))}`)].join("\n");
}

function traceOf({ name, code, message, stack }: ErrorFacts): string {
  const title = `${name}${code === null ? "" : ` [${code}]`}${message === "" ? "" : `: ${message}`}`;
  return [title, ...stack.map((frame) => `    ${frame}`)].join("\n");
}

/** Returns the JSON of a record in ASCII, which every store can keep, at most 8,000 characters. Null without a record. Never throws. */
export function serialiseError(record: ErrorRecord | undefined): string | null {
  return record === undefined ? null : ascii(JSON.stringify(fitted(record)));
}

/**
 * Returns the record in a stored text or in a parsed value. For a text that is not a record: a record that says so. Null for
 * "" and for any other value, which mean that there is none. Never throws.
 */
export function parseError(stored: unknown): ErrorRecord | null {
  if (typeof stored !== "string" || stored === "") return recordIn(stored);
  return (stored.length > LONGEST_READ ? null : recordIn(parsed(stored))) ?? UNREADABLE;
}

const UNREADABLE: ErrorRecord = {
  name: "Error",
  code: null,
  message: "what is stored of this error cannot be read: another program wrote or changed it",
  stack: [],
  causes: [],
};

function recordIn(value: unknown): ErrorRecord | null {
  const facts = factsIn(value);
  return facts && fitted({ ...facts, causes: listOf(member(value, "causes"), factsIn) });
}

function factsOf(thrown: unknown): ErrorFacts {
  const code = member(thrown, "code");
  return {
    name: errorName(thrown),
    code: (typeof code === "string" && code !== "") || Number.isFinite(code) ? String(code) : null,
    message: errorMessage(thrown),
    stack: errorFrames(thrown),
  };
}

function factsIn(value: unknown): ErrorFacts | null {
  const [name, code, message] = [member(value, "name"), member(value, "code"), member(value, "message")];
  if (typeof name !== "string" || typeof message !== "string") return null;
  const stack = listOf(member(value, "stack"), (frame) => (typeof frame === "string" ? frame : null));
  return { name, code: typeof code === "string" ? code : null, message, stack };
}

/** Returns at most as many causes as a record may have, without values that are not one. */
function listOf<T>(value: unknown, read: (item: unknown) => T | null): T[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, MOST_FRAMES)
    .map(read)
    .filter((item) => item !== null);
}

function fitted(record: ErrorRecord): ErrorRecord {
  let short = record;
  for (const [message, frames, causeFrames] of SIZES) {
    const causes = record.causes.slice(0, MOST_CAUSES).map((cause) => cutFacts(cause, message, causeFrames));
    short = { ...cutFacts(record, message, frames), causes };
    if (ascii(JSON.stringify(short)).length <= LONGEST) break;
  }
  return short;
}

function cutFacts({ name, code, message, stack }: ErrorFacts, length: number, frames: number): ErrorFacts {
  return {
    name: cutText(name, CODE_LENGTH),
    code: code === null ? null : cutText(code, CODE_LENGTH),
    message: cutText(message, length),
    stack: stack.slice(0, frames).map(cutFrame),
  };
}

/** Cuts a frame in the middle of its path: its end is the line number. */
function cutFrame(frame: string): string {
  const middle = LONGEST_FRAME / 2;
  return cutText(frame.length <= LONGEST_FRAME ? frame : `${frame.slice(0, middle - 1)}…${frame.slice(-middle)}`);
}

function ascii(json: string): string {
  return json.replaceAll(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
