import type { Envelope, EnvelopeRetry, Equality, IdParts } from "../../src/envelope/index.ts";
import { EnvelopeError } from "../../src/errors.ts";
import { labelOf } from "./label.ts";
import { type BodyInput, bodyOf } from "./vectors.ts";

/** The implementation that is asked; a mutation run asks one with a validation taken out. */
export type Core = typeof import("../../src/envelope/index.ts");

interface Schedule {
  readonly id: string;
  readonly failures: readonly number[];
  readonly retry: Required<EnvelopeRetry>;
}

interface Settings {
  readonly envelope: Envelope;
  readonly definition: { readonly retry?: EnvelopeRetry; readonly timeout?: number };
}

/** By folder of the vectors: what core answers to one input. Each throws `EnvelopeError` for what it refuses. */
export function answersOf(core: Core) {
  return {
    valid: (input: BodyInput) => labelOf(core.parseEnvelope(bodyOf(input, core.decodeBody))),
    invalid: (input: BodyInput) => labelOf(core.parseEnvelope(bodyOf(input, core.decodeBody))),
    "retry-schedule": ({ id, failures, retry }: Schedule) => {
      const waits = {
        initialMs: core.parseDuration(retry.initial_interval),
        coefficient: retry.backoff_coefficient,
        maxMs: core.parseDuration(retry.max_interval),
        jitter: retry.jitter,
      };
      return { delays_ms: failures.map((failure) => core.retryDelayMs(id, failure, waits)) };
    },
    defaults: ({ envelope, definition }: Settings) =>
      settingsOf(core, core.parseEnvelope(JSON.stringify(envelope)), definition),
    timestamps: ({ text }: { text: string }) => {
      const ms = core.parseTimestamp(text);
      return { ms, written: core.formatTimestamp(ms) };
    },
    durations: ({ text }: { text: string }) => ({ ms: core.parseDuration(text) }),
    "derived-ids": ({ text, parts = JSON.parse(text ?? "") as IdParts }: { text?: string; parts?: IdParts }) => ({
      id: core.derivedId(parts),
    }),
    "dedupe-keys": (input: Equality) => ({ key: core.dedupeKey(input) }),
  };
}

/** What comes out, or how it is refused, as a vector writes it. */
export function answerOf(call: () => unknown): object {
  try {
    return { expect: call() };
  } catch (thrown) {
    if (!(thrown instanceof EnvelopeError)) throw thrown;
    return { error: { code: thrown.envelopeCode, pointer: thrown.pointer } };
  }
}

/** A definition is TypeScript's affair; a vector writes it in the envelope's words, which an envelope can read. */
function settingsOf(core: Core, envelope: Envelope, definition: Settings["definition"]): object {
  const named = core.retryPolicyOf({ ...envelope, retry: definition.retry ?? {} });
  const policy = core.retryPolicyOf(envelope, named);
  const { defaults } = core;
  return {
    queue: envelope.queue ?? defaults.queue,
    priority: envelope.priority ?? defaults.priority,
    payload_version: envelope.meta?.payload_version ?? defaults.payloadVersion,
    timeout_ms: core.timeoutMsOf(envelope, definition.timeout === undefined ? undefined : definition.timeout * 1_000),
    retry: {
      max_attempts: policy.maxAttempts,
      initial_ms: policy.initialMs,
      backoff_coefficient: policy.coefficient,
      max_ms: policy.maxMs,
      jitter: policy.jitter,
      non_retryable_errors: policy.nonRetryableErrors,
      on_exhaustion: policy.onExhaustion,
    },
  };
}
