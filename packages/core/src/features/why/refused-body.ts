import type { EnvelopeCode } from "../../envelope/envelope-code.ts";

/** Codes of bodies that are refused again however often they come. Those that a newer worker may accept are left out. */
type Wrong = Exclude<EnvelopeCode, "SPEC_UNSUPPORTED" | "CRIT_UNSUPPORTED">;

const WRONG: Readonly<Record<Wrong, true>> = {
  BODY_TOO_LARGE: true,
  ENCODING_INVALID: true,
  BOM_FORBIDDEN: true,
  JSON_SYNTAX: true,
  JSON_DUPLICATE_KEY: true,
  JSON_TOO_DEEP: true,
  JSON_TOO_MANY_VALUES: true,
  JSON_NUMBER_RANGE: true,
  JSON_STRING_FORBIDDEN: true,
  ENVELOPE_NOT_OBJECT: true,
  SPEC_INVALID: true,
  FIELD_MISSING: true,
  FIELD_NULL: true,
  FIELD_TYPE: true,
  FIELD_UNKNOWN: true,
  ID_INVALID: true,
  TYPE_INVALID: true,
  QUEUE_INVALID: true,
  TIMESTAMP_INVALID: true,
  DURATION_INVALID: true,
  URI_INVALID: true,
  RANGE_INVALID: true,
  LENGTH_INVALID: true,
  VALUE_UNKNOWN: true,
  META_KEY_INVALID: true,
  META_TOO_LARGE: true,
  EXPIRY_ORDER: true,
  CRIT_INVALID: true,
  FIELD_EXCLUSIVE: true,
};

/** What to do about a dead letter whose body is wrong: a replay keeps its bytes. Null for any other code. */
export function repairOf(code: string, id: string): string | null {
  if (!Object.hasOwn(WRONG, code)) return null;
  return `Mend its producer, enqueue a corrected job, and drop this one, which a replay would not change: waybill dead drop --id ${id}`;
}
