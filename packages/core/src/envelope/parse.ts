import { checkEnvelope } from "./check.ts";
import type { Envelope } from "./envelope.ts";
import { refuse } from "./envelope-code.ts";
import type { Fields } from "./field-rules.ts";
import { parseStrictJson } from "./strict-json.ts";

/**
 * The envelope a body holds, exactly as written: unknown fields are kept, absent ones stay absent.
 * Throws `EnvelopeError` with the spec's code and a pointer to the member at fault.
 */
export function parseEnvelope(body: string): Envelope {
  const fields = parseStrictJson(body);
  if (!isObject(fields)) refuse("ENVELOPE_NOT_OBJECT", "", "the body is JSON, but an envelope is a JSON object");
  checkEnvelope(fields, body.length);
  return fields as Fields & Envelope;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
