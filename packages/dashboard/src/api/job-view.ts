import type { DeadLetterRecord, StoredJob } from "@waybill/core";
import { type Hide, hiderOf, type Paths, redacted } from "./redact.ts";

/** More of a payload is not sent to the page. */
const SHOWN_CHARACTERS = 262_144;

/** An envelope as the page shows it: text, whatever it holds. */
export interface BodyView {
  /** The arguments as JSON with line breaks; the bytes as they are where they are no envelope. */
  readonly payload: string;
  /** True: more than the page shows. */
  readonly isCut: boolean;
  /** True: an envelope with one argument, of which a copy can be enqueued. */
  readonly canCopy: boolean;
  /** The members of the envelope beside its arguments, as JSON; null where it is none. */
  readonly envelope: string | null;
  readonly tenant: string | null;
}

/** One line of a table of jobs. */
export interface JobRow extends Omit<StoredJob, "body" | "state"> {
  /** That of its queue, or of its record. */
  readonly state: string;
  /** The first 160 characters of the payload. */
  readonly preview: string;
}

export function jobRow({ body, ...job }: StoredJob, paths: Paths): JobRow {
  const { envelope, args } = parts(body);
  const shown = textOf(envelope, args, paths) ?? opaque(body, paths);
  return {
    ...job,
    reason: hiding(body, paths)(job.reason),
    preview: shown.slice(0, 160).replace(/[\uD800-\uDBFF]$/, ""),
  };
}

export function bodyView(body: string, paths: Paths): BodyView {
  const { envelope, args } = parts(body);
  const text = textOf(envelope, args, paths);
  const whole = text === null ? opaque(body, paths) : indented(text);
  const { args: _, ...rest } = envelope ?? {};
  const tenant = (rest["meta"] as { readonly tenant_id?: unknown } | undefined)?.tenant_id;
  return {
    payload: whole.slice(0, SHOWN_CHARACTERS),
    isCut: whole.length > SHOWN_CHARACTERS,
    canCopy: text !== null && args.length === 1 && whole.length <= SHOWN_CHARACTERS,
    envelope: envelope === null ? null : JSON.stringify(rest, null, 2),
    tenant: typeof tenant === "string" ? tenant : null,
  };
}

/** A dead letter with its body as the page shows it. */
export interface DeadView extends Omit<DeadLetterRecord, "body">, BodyView {}

export function deadView({ body, ...record }: DeadLetterRecord, paths: Paths): DeadView {
  return { ...record, reason: hiding(body, paths)(record.reason), ...bodyView(body, paths) };
}

/** Returns what hides the redacted members of this body in other texts. */
export function hiding(body: string, paths: Paths): Hide {
  if (paths.length === 0) return (value) => value;
  const { envelope, args } = parts(body);
  const isReadable = textOf(envelope, args, paths) !== null;
  return hiderOf(isReadable ? args : null, paths);
}

interface Parts {
  readonly envelope: Readonly<Record<string, unknown>> | null;
  readonly args: readonly unknown[];
}

/** Returns the parts of an envelope; `envelope` is null for bytes that are none, such as a signed wrapper. */
export function parts(body: string): Parts {
  try {
    const value = JSON.parse(body) as Readonly<Record<string, unknown>> | null;
    if (value?.["spec"] === "waybill/1" && Array.isArray(value["args"]))
      return { envelope: value, args: value["args"] };
  } catch {
    // Not JSON: shown as text.
  }
  return { envelope: null, args: [] };
}

/** Returns the arguments as JSON; null for bytes that are no envelope, and for arguments that are nested too deep to be written. */
function textOf(envelope: Parts["envelope"], args: readonly unknown[], paths: Paths): string | null {
  if (envelope === null) return null;
  try {
    return JSON.stringify(single(redactedArgs(args, paths)));
  } catch {
    return null;
  }
}

/** The line breaks of a value that is nested deeper than this would fill the memory with spaces. */
const MOST_INDENTS = 100;

function indented(text: string): string {
  let depth = 0;
  let most = 0;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[{]|[\]}]/g)) {
    if (token === "[" || token === "{") most = Math.max(most, ++depth);
    else if (token === "]" || token === "}") depth -= 1;
  }
  return most > MOST_INDENTS ? text : JSON.stringify(JSON.parse(text), null, 2);
}

const redactedArgs = (args: readonly unknown[], paths: Paths): unknown[] => args.map((one) => redacted(one, paths));
const single = (args: readonly unknown[]): unknown => (args.length === 1 ? args[0] : args);

/** Nothing can be left out of bytes that are not parsed. */
const opaque = (body: string, paths: Paths): string =>
  paths.length === 0 ? body : "Not shown: it is no envelope, or nested too deep, so nothing in it could be redacted.";
