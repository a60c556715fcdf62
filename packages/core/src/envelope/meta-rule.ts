import { refuse } from "./envelope-code.ts";
import { type FieldRule, type Fields, integerRule, membersOf, object, step, stringRule } from "./field-rules.ts";

/** Of RFC 8785 bytes, so that blanks, escapes and the order of keys do not decide. */
const MAX_META_BYTES = 16_384;

const KEY = /^[a-z][a-z0-9_.-]{0,63}$/;

/** What readers act upon. Everything else in `meta` is free. */
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

/** `bodyLength` is the whole body's, in UTF-16 units: none becomes more than six bytes, so most need no measuring. */
export function checkMetaSize(meta: Fields, bodyLength: number): void {
  if (bodyLength * 6 <= MAX_META_BYTES) return;
  // As long as the canonical form: only the order of keys differs.
  if (Buffer.byteLength(JSON.stringify(meta)) > MAX_META_BYTES) {
    refuse("META_TOO_LARGE", "/meta", `over ${MAX_META_BYTES} bytes; what the handler needs belongs in args`);
  }
}
