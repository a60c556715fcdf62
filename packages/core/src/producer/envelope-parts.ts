import { WaybillError } from "../errors.ts";
import { wallMs } from "../time/clock.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import type { JsonValue } from "../envelope/index.ts";
import { dedupeOf } from "../features/unique/dedupe-of.ts";
import { limitKeysOf } from "../job/check-limits.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { envelopeRetry } from "../job/retry-policy.ts";
import { withDerivedId } from "./derive-id.ts";
import { endMs, type EnqueueOptions, startMs } from "./enqueue-options.ts";
import type { EnvelopeParts } from "./make-envelope.ts";

/** One call of `enqueue` whose arguments have been checked. */
export interface CheckedCall {
  readonly type: string;
  readonly definition: JobDefinition | null;
  readonly options: EnqueueOptions;
  readonly payload: unknown;
  readonly args: readonly JsonValue[];
}

/**
 * Makes the parts of an envelope that few jobs have, each where the call or the definition asks for it: a derived id, times, the
 * keys of limits, a unique key, a retry policy. Throws `CONFIG_INVALID` for one that is invalid.
 */
export function envelopeParts({ type, definition, options, payload, args }: CheckedCall): EnvelopeParts {
  const { id, unique, retry } = options;
  const hasLimits = definition !== null && definition.limits.length > 0;
  const isUnique = unique !== false && (unique ?? definition?.unique ?? null) !== null;
  const nowMs = wallMs();
  const runAtMs = startMs(options, type, nowMs);
  return {
    options: typeof id === "object" && id !== null ? withDerivedId(options, id, type) : options,
    nowMs,
    runAtMs,
    expiresAtMs: endMs(options, type, nowMs, runAtMs),
    timeout: options.timeout === undefined ? null : timeoutS(options.timeout, type),
    limits: hasLimits ? limitKeysOf(definition, args) : null,
    dedupe: isUnique ? dedupeOf({ type, definition, call: unique || undefined, payload, args }) : null,
    retry: retry === undefined ? null : envelopeRetry(retry),
  };
}

function timeoutS(timeout: Duration, type: string): number {
  const option = `timeout of the call for "${type}"`;
  const seconds = Math.ceil(durationMs(timeout, option) / 1_000);
  if (seconds >= 1 && seconds <= 604_800) return seconds;
  throw new WaybillError("CONFIG_INVALID", `${option} is ${seconds} s: more than 0 and at most "7d"`);
}
