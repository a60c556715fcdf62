import { refuse } from "./envelope-code.ts";
import { type FieldRule, type Fields, integerRule, membersOf, object, step, stringRule } from "./field-rules.ts";

/** The size in RFC 8785 form, so that blanks, escapes and the order of keys make no difference. */
const MAX_META_BYTES = 16_384;

const KEY = /^[a-z][a-z0-9_.-]{0,63}$/;

/** The keys that readers act on, but for `limits`, which `parseEnvelope` checks. Every other key of `meta` may have any value. */
const RESERVED = membersOf("/meta", {
  tenant_id: stringRule(128),
  payload_version: integerRule(1, 2_147_483_647),
});

export const metaRule: FieldRule = (value, pointer) => {
  const meta = object(value, pointer);
  for (const key of Object.keys(meta)) {
    if (!KEY.test(key)) {
      refuse("META_KEY_INVALID", pointer + step(key), "not a key of a-z, 0-9, _, . and - that begins with a letter");
    }
    const reserved = RESERVED.get(key);
    reserved?.rule(meta[key], reserved.pointer);
  }
};

/**
 * Throws `EnvelopeError` where `meta` is too large. `bodyLength` is the whole body's, in UTF-16 units: each becomes at
 * most six bytes, so most bodies need no measuring.
 */
export function checkMetaSize(meta: Fields, bodyLength: number): void {
  if (bodyLength * 6 <= MAX_META_BYTES) return;
  // This text is as long as the canonical form: only the order of keys differs.
  if (Buffer.byteLength(JSON.stringify(meta)) > MAX_META_BYTES) {
    refuse("META_TOO_LARGE", "/meta", `over ${MAX_META_BYTES} bytes; put the handler's input into args`);
  }
}
