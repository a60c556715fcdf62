import { checkEnvelope } from "./check.ts";
import type { Envelope } from "./envelope.ts";
import { refuse } from "./envelope-code.ts";
import type { Fields } from "./field-rules.ts";
import { limitsRule } from "./limits-rule.ts";
import { parseStrictJson } from "./strict-json.ts";

/**
 * Parses a body and returns its envelope, exactly as written: unknown fields are kept, absent ones stay absent. Throws
 * `EnvelopeError` with the spec's code and a pointer to the invalid member.
 */
export function parseEnvelope(body: string): Envelope {
  const fields = parseStrictJson(body);
  if (!isObject(fields)) refuse("ENVELOPE_NOT_OBJECT", "", "the body is JSON, but an envelope is a JSON object");
  checkEnvelope(fields, body.length);
  const envelope = fields as Fields & Envelope;
  if (envelope.meta?.limits !== undefined) limitsRule(envelope.meta.limits, "/meta/limits");
  return envelope;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
