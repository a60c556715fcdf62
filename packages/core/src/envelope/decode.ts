import { refuse } from "./envelope-code.ts";
import { errorMessage } from "../values/thrown.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes a body that arrived as bytes. Throws `EnvelopeError` with `ENCODING_INVALID` for bytes that are not UTF-8,
 * since a replacement character would change them.
 */
export function decodeBody(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    return refuse("ENCODING_INVALID", "", `the body is not UTF-8 (${errorMessage(cause)})`);
  }
}
