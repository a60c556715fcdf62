import { dedupeKey, type EnvelopeDedupe, formatDuration, type JsonValue } from "../../envelope/index.ts";
import { WaybillError } from "../../errors.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { type KeyParts, type UniqueCall, untilOf } from "../../job/unique-options.ts";
import { describeValue } from "../../known-options.ts";
import { textLength } from "../../values/text-length.ts";
import { describeError } from "../../values/thrown.ts";

/** One enqueue, as its unique key is computed. */
export interface Keyed {
  readonly type: string;
  readonly definition: Pick<JobDefinition, "unique"> | null;
  /** `unique` of the call. Undefined: as the definition says. */
  readonly call: UniqueCall | undefined;
  readonly payload: unknown;
  readonly args: readonly JsonValue[];
}

/** Returns the `dedupe` of an envelope. Throws `CONFIG_INVALID` for a key that cannot be one. */
export function dedupeOf({ type, definition, call = {}, payload, args }: Keyed): EnvelopeDedupe {
  const rule = definition?.unique ?? null;
  const until = call.until === undefined ? (rule?.until ?? "end") : untilOf(call.until, `unique of "${type}"`);
  const onConflict = call.onConflict ?? rule?.onConflict ?? "reject";
  return {
    key: keyOf(),
    ...(until === "start" && { until }),
    ...(typeof until === "number" && { for: formatDuration(until) }),
    ...(onConflict !== "reject" && { on_conflict: onConflict }),
  };

  function keyOf(): string {
    if (call.key !== undefined) return textOf(call.key, `unique.key of the call for "${type}"`);
    if (!rule?.by) return dedupeKey({ type, queue: null, args });
    let parts: KeyParts;
    try {
      parts = rule.by(payload);
    } catch (thrown) {
      throw refuse(`unique.by of "${type}" threw: ${describeError(thrown)}; it must return a key`, thrown);
    }
    return textOf(parts, `what unique.by of "${type}" returned`);
  }
}

/** Returns the key that parts make. */
function textOf(parts: KeyParts, what: string): string {
  const key = isPart(parts) ? String(parts) : isList(parts) ? JSON.stringify(parts) : null;
  if (key === null) {
    throw refuse(`${what} is ${describeValue(parts)}: a text, a number, or a list of 1 to 16 of them is needed`);
  }
  if (key === "")
    throw refuse(`${what} is an empty text, under which all jobs would be equal; return what tells them apart`);
  const length = textLength(key);
  if (length > 255) {
    throw refuse(
      `${what} makes a key of ${length} characters, the limit is 255: return less, such as an id, or a hash of it`,
    );
  }
  if (!key.isWellFormed() || key.includes("\0")) {
    throw refuse(`${what} has U+0000 or half of a surrogate pair, which an envelope cannot carry; return other text`);
  }
  return key;
}

const isPart = (value: unknown): value is string | number =>
  typeof value === "string" || (typeof value === "number" && Number.isFinite(value));

const isList = (value: unknown): boolean =>
  Array.isArray(value) && value.length >= 1 && value.length <= 16 && value.every(isPart);

function refuse(message: string, cause?: unknown): WaybillError {
  return new WaybillError("CONFIG_INVALID", message, cause === undefined ? undefined : { cause });
}
