/** One mebibyte of UTF-8. */
export const MAX_BODY_BYTES = 1_048_576;
/** Arrays and objects; the root is at depth 1. */
export const MAX_DEPTH = 32;
/** JSON values of every kind, arrays and objects included; keys do not count. */
export const MAX_VALUES = 10_000;
