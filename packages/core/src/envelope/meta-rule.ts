import { refuse } from "./envelope-code.ts";
import { type FieldRule, integerRule, object, stringRule } from "./field-rules.ts";

/** Of RFC 8785 bytes, so that blanks, escapes and key order do not decide. */
const MAX_META_BYTES = 16_384;

const KEY = /^[a-z][a-z0-9_.-]{0,63}$/;

/** What readers act upon. Everything else in `meta` is free. */
const RESERVED: ReadonlyMap<string, FieldRule> = new Map([
  ["tenant_id", stringRule(128)],
  ["payload_version", integerRule(1, 2_147_483_647)],
]);

export const metaRule: FieldRule = (value, pointer) => {
  const meta = object(value, pointer);
  for (const key of Object.keys(meta)) {
    const inner = `${pointer}/${key.slice(0, 64)}`;
    if (!KEY.test(key))
      refuse("META_KEY_INVALID", inner, "not a key of a-z, 0-9, _, . and - that begins with a letter");
    RESERVED.get(key)?.(meta[key], inner);
  }
  // JSON.stringify writes numbers and strings as RFC 8785 does; only its order of keys may differ, not its length.
  if (Buffer.byteLength(JSON.stringify(meta)) > MAX_META_BYTES) {
    refuse("META_TOO_LARGE", pointer, `over ${MAX_META_BYTES} bytes; what the handler needs belongs in args`);
  }
};
