import type { UniqueKey } from "../backend/contract.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import { type Duration, durationMs } from "../time/duration.ts";

/** What a key is made of: a text or a number is the key as it is; a list is its JSON, such as `["acme",7]`. */
export type KeyParts = string | number | readonly (string | number)[];

/** Whether and how long another job of the same type with the same key is refused. */
export interface UniqueOptions<Payload> {
  /** Returns what makes two jobs equal, from the payload as it is enqueued. Omitted: all of the payload. */
  readonly by?: Computing<Payload>["by"] | undefined;
  /**
   * How long the key is taken. "end": until the job has ended or is a dead letter. "start": until it starts, so one may wait
   * while one runs. A duration: for this long from its enqueue, whatever becomes of it; at most "366d". Default "end".
   */
  readonly until?: "end" | "start" | Duration | undefined;
  /**
   * "reject": the second job is refused with `DUPLICATE_JOB`. "ignore": it is not stored, and the receipt names the first
   * (`duplicateOf`). "replace": it takes the place of the first if that has not started (`replaced`), else as "reject". Default "reject".
   */
  readonly onConflict?: UniqueKey["onConflict"] | undefined;
}

/** `unique` of one call. Members that are omitted are those of the definition. */
export interface UniqueCall extends Omit<UniqueOptions<never>, "by"> {
  /** The key, in place of what `by` of the definition returns. */
  readonly key?: KeyParts | undefined;
}

/** `unique` of a definition, checked. */
export interface UniqueRule<Payload = unknown> extends Omit<UniqueKey, "key"> {
  /** Null: all of the payload. */
  readonly by: Computing<Payload>["by"] | null;
}

/** A method, whose type lets definitions with different payloads stand in one list. */
interface Computing<Payload> {
  by(payload: Payload): KeyParts;
}

const UNIQUE_OPTIONS: OptionNames<UniqueOptions<unknown>> = { by: true, until: true, onConflict: true };

/** Returns the rule of a definition. Throws `CONFIG_INVALID` for an invalid member. */
export function uniqueRule<Payload>(options: UniqueOptions<Payload>, type: string): UniqueRule<Payload> {
  const of = `unique of "${type}"`;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw refuse(`${of} is ${describeValue(options)}: pass an object, such as { by: ({ shop }) => shop }`);
  }
  assertKnownOptions(options, UNIQUE_OPTIONS, `the members of ${of}`);
  const { by = null } = options;
  if (by !== null && typeof by !== "function") {
    throw refuse(`by of ${of} is ${describeValue(by)}: pass a function of the payload, such as ({ shop }) => shop`);
  }
  return { by, until: untilOf(options.until ?? "end", of), onConflict: conflictOf(options.onConflict ?? "reject", of) };
}

/** Returns `until` as a backend takes it. Throws `CONFIG_INVALID` for any other value. */
export function untilOf(until: "end" | "start" | Duration, of: string): UniqueKey["until"] {
  if (until === "end" || until === "start") return until;
  const ms = typeof until === "number" || typeof until === "string" ? durationMs(until, `until of ${of}`) : Number.NaN;
  if (ms > 0 && ms <= 366 * 86_400_000) return Math.ceil(ms);
  throw refuse(`until of ${of} is ${describeValue(until)}: "end", "start", or more than 0 and at most "366d"`);
}

/** Throws `CONFIG_INVALID` for another value than the three. */
export function conflictOf(onConflict: UniqueKey["onConflict"], of: string): UniqueKey["onConflict"] {
  if (onConflict === "reject" || onConflict === "ignore" || onConflict === "replace") return onConflict;
  throw refuse(`onConflict of ${of} is ${describeValue(onConflict)}: "reject", "ignore" or "replace"`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
