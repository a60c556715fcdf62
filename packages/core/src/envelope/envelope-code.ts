import { EnvelopeError } from "../errors.ts";

/**
 * Why a body is not an envelope. Codes are stable: spec/1.0/envelope.md has one row for each, and the list only grows.
 */
export type EnvelopeCode =
  | "BODY_TOO_LARGE"
  | "ENCODING_INVALID"
  | "BOM_FORBIDDEN"
  | "JSON_SYNTAX"
  | "JSON_DUPLICATE_KEY"
  | "JSON_TOO_DEEP"
  | "JSON_TOO_MANY_VALUES"
  | "JSON_NUMBER_RANGE"
  | "JSON_STRING_FORBIDDEN"
  | "ENVELOPE_NOT_OBJECT"
  | "SPEC_INVALID"
  | "SPEC_UNSUPPORTED"
  | "FIELD_MISSING"
  | "FIELD_NULL"
  | "FIELD_TYPE"
  | "FIELD_UNKNOWN"
  | "ID_INVALID"
  | "TYPE_INVALID"
  | "QUEUE_INVALID"
  | "TIMESTAMP_INVALID"
  | "DURATION_INVALID"
  | "URI_INVALID"
  | "RANGE_INVALID"
  | "LENGTH_INVALID"
  | "VALUE_UNKNOWN"
  | "META_KEY_INVALID"
  | "META_TOO_LARGE"
  | "EXPIRY_ORDER"
  | "CRIT_INVALID"
  | "CRIT_UNSUPPORTED"
  | "FIELD_EXCLUSIVE";

/**
 * Throws an `EnvelopeError`. `pointer` is a JSON Pointer to the invalid member; the message says what to write instead.
 */
export function refuse(code: EnvelopeCode, pointer: string, message: string): never {
  throw new EnvelopeError(code, pointer, pointer === "" ? message : `${pointer}: ${message}`);
}
