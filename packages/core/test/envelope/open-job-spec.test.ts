import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { type BodyInput, bodyOf, readVectors } from "./vectors.ts";

const ISO_DURATION = "^P(?!$)(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?(\\d+(\\.\\d+)?S)?)?$";

/** What Open Job Spec 1.0 demands of the fields it shares with us, restated from its core attribute table. */
const OPEN_JOB = {
  type: "object",
  required: ["specversion", "id", "type", "queue", "args"],
  properties: {
    specversion: { const: "1.0" },
    id: { type: "string", pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" },
    type: { type: "string", maxLength: 255, pattern: "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$" },
    queue: { type: "string", maxLength: 128, pattern: "^[a-z0-9][a-z0-9.-]*$" },
    args: { type: "array" },
    meta: { type: "object" },
    priority: { type: "integer" },
    timeout: { type: "integer", minimum: 0 },
    scheduled_at: { type: "string", format: "date-time" },
    expires_at: { type: "string", format: "date-time" },
    created_at: { type: "string", format: "date-time" },
    schema: { type: "string", format: "uri" },
    retry: {
      type: "object",
      additionalProperties: false,
      properties: {
        max_attempts: { type: "integer", minimum: 0 },
        initial_interval: { type: "string", pattern: ISO_DURATION },
        backoff_coefficient: { type: "number", minimum: 1 },
        max_interval: { type: "string", pattern: ISO_DURATION },
        jitter: { type: "boolean" },
        non_retryable_errors: { type: "array", items: { type: "string" } },
        on_exhaustion: { enum: ["discard", "dead_letter"] },
      },
    },
  },
} as const;

/** Names Open Job Spec gives to what the server owns, or to what we spell differently. None may be a field of ours. */
const THEIRS = /^(state|attempt|enqueued_at|started_at|completed_at|error|errors|result|unique)$/;

const ajv = new Ajv2020({ strict: true });
formats.default(ajv);
const isTheirs = ajv.compile(OPEN_JOB);

describe('an envelope of ours plus specversion "1.0" is a valid Open Job Spec job', () => {
  const ours = readVectors<BodyInput, { id: string; queue: string }>("valid").filter(
    // They take version 7 alone, which is what we emit.
    ({ expect: label }) => label.id[14] === "7",
  );

  it.each(ours)("$name", ({ input, expect: { queue } }) => {
    const envelope = JSON.parse(bodyOf(input));
    isTheirs({ queue, ...envelope, specversion: "1.0" });
    expect(isTheirs.errors).toBeNull();
    expect(Object.keys(envelope).filter((name) => THEIRS.test(name))).toEqual([]);
  });
});
