import type { DeadLetterRecord, StoredJob } from "@waybill/core";
import { redacted } from "./redact.ts";

type Paths = readonly (readonly string[])[];

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
export interface JobRow extends Omit<StoredJob, "body"> {
  /** The first 160 characters of the payload. */
  readonly preview: string;
}

export function jobRow({ body, ...job }: StoredJob, paths: Paths): JobRow {
  const { envelope, args } = parts(body);
  const shown = envelope === null ? opaque(body, paths) : JSON.stringify(single(redactedArgs(args, paths)));
  return { ...job, preview: shown.slice(0, 160).replace(/[\uD800-\uDBFF]$/, "") };
}

export function bodyView(body: string, paths: Paths): BodyView {
  const { envelope, args } = parts(body);
  const whole = envelope === null ? opaque(body, paths) : JSON.stringify(single(redactedArgs(args, paths)), null, 2);
  const { args: _, ...rest } = envelope ?? {};
  const tenant = (rest["meta"] as { readonly tenant_id?: unknown } | undefined)?.tenant_id;
  return {
    payload: whole.slice(0, SHOWN_CHARACTERS),
    isCut: whole.length > SHOWN_CHARACTERS,
    canCopy: envelope !== null && args.length === 1 && whole.length <= SHOWN_CHARACTERS,
    envelope: envelope === null ? null : JSON.stringify(rest, null, 2),
    tenant: typeof tenant === "string" ? tenant : null,
  };
}

/** A dead letter with its body as the page shows it. */
export interface DeadView extends Omit<DeadLetterRecord, "body">, BodyView {}

export function deadView({ body, ...record }: DeadLetterRecord, paths: Paths): DeadView {
  return { ...record, ...bodyView(body, paths) };
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

const redactedArgs = (args: readonly unknown[], paths: Paths): unknown[] => args.map((one) => redacted(one, paths));
const single = (args: readonly unknown[]): unknown => (args.length === 1 ? args[0] : args);

/** Nothing can be left out of bytes that are not parsed. */
const opaque = (body: string, paths: Paths): string =>
  paths.length === 0 ? body : "Not shown: it is no envelope, so nothing in it could be redacted.";
