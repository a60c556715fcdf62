import { describe, expect, it } from "vitest";
import {
  dedupeKey,
  defaults,
  type Envelope,
  type EnvelopeRetry,
  type Equality,
  formatTimestamp,
  parseDuration,
  parseEnvelope,
  parseTimestamp,
  retryDelayMs,
  retryPolicyOf,
  serialiseEnvelope,
  timeoutMsOf,
} from "../../src/envelope/index.ts";
import { EnvelopeError } from "../../src/errors.ts";
import { labelOf } from "./label.ts";
import { type BodyInput, bodyOf, readVectors } from "./vectors.ts";

describe("valid: an envelope is read as the spec says, and written back with nothing lost", () => {
  const readOnly = "a whole double beyond the integers, written with a fraction";

  it.each(readVectors<BodyInput, object>("valid"))("$name", ({ name, input, expect: label }) => {
    const body = bodyOf(input);
    const envelope = parseEnvelope(body);
    expect(labelOf(envelope)).toEqual(label);
    if (name === readOnly) return expect(() => serialiseEnvelope(envelope)).toThrow("send it as a string");
    expect(JSON.parse(serialiseEnvelope(envelope))).toEqual(JSON.parse(JSON.stringify(JSON.parse(body))));
  });
});

describe("invalid: what breaks one rule is refused with that rule's code, and points at the place", () => {
  it.each(readVectors<BodyInput, never>("invalid"))("$name", ({ input, error }) => {
    expect(answerOf(() => parseEnvelope(bodyOf(input)))).toEqual({ error });
  });
});

interface Schedule {
  readonly id: string;
  readonly failures: readonly number[];
  readonly retry: Required<EnvelopeRetry>;
}

describe("retry schedule: every wait agrees with the spec to the millisecond", () => {
  it.each(readVectors<Schedule, { delays_ms: number[] }>("retry-schedule"))("$name", ({ input, expect: wanted }) => {
    const { id, retry } = input;
    const waits = {
      initialMs: parseDuration(retry.initial_interval),
      coefficient: retry.backoff_coefficient,
      maxMs: parseDuration(retry.max_interval),
      jitter: retry.jitter,
    };
    expect(input.failures.map((failure) => retryDelayMs(id, failure, waits))).toEqual(wanted.delays_ms);
  });
});

interface Settings {
  readonly envelope: Envelope;
  readonly definition: { readonly retry?: EnvelopeRetry; readonly timeout?: number };
}

describe("defaults: the envelope wins, else the definition, else the default", () => {
  it.each(readVectors<Settings, object>("defaults"))("$name", ({ input, expect: settings }) => {
    const envelope = parseEnvelope(JSON.stringify(input.envelope));
    expect(settingsOf(envelope, input.definition)).toEqual(settings);
  });
});

describe("timestamps, durations and computed keys agree with the spec", () => {
  it.each(readVectors<{ text: string }, object>("timestamps"))("time: $name", ({ input, expect: wanted, error }) => {
    const read = (): object => {
      const ms = parseTimestamp(input.text);
      return { ms, written: formatTimestamp(ms) };
    };
    expect(answerOf(read)).toEqual(error ? { error } : { expect: wanted });
  });

  it.each(readVectors<{ text: string }, object>("durations"))("duration: $name", ({ input, expect: wanted, error }) => {
    expect(answerOf(() => ({ ms: parseDuration(input.text) }))).toEqual(error ? { error } : { expect: wanted });
  });

  it.each(readVectors<Equality, object>("dedupe-keys"))("key: $name", ({ input, expect: wanted, error }) => {
    expect(answerOf(() => ({ key: dedupeKey(input) }))).toEqual(error ? { error } : { expect: wanted });
  });
});

/** What comes out, or how it is refused. */
function answerOf(call: () => unknown): object {
  try {
    return { expect: call() };
  } catch (thrown) {
    if (!(thrown instanceof EnvelopeError)) throw thrown;
    expect(thrown.message).not.toBe("");
    return { error: { code: thrown.envelopeCode, pointer: thrown.pointer } };
  }
}

/** A definition is TypeScript's affair; a vector writes it in the envelope's words, which an envelope can read. */
function settingsOf(envelope: Envelope, definition: Settings["definition"]): object {
  const named = retryPolicyOf({ ...envelope, retry: definition.retry ?? {} });
  const policy = retryPolicyOf(envelope, named);
  return {
    queue: envelope.queue ?? defaults.queue,
    priority: envelope.priority ?? defaults.priority,
    payload_version: envelope.meta?.payload_version ?? defaults.payloadVersion,
    timeout_ms: timeoutMsOf(envelope, definition.timeout === undefined ? undefined : definition.timeout * 1_000),
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
