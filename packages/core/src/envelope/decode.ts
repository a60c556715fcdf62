import { refuse } from "./envelope-code.ts";
import { errorMessage } from "../thrown.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a body that arrived as bytes. Refuses what is not UTF-8: a replacement character would change the
 * bytes. Throws `EnvelopeError`.
 */
export function decodeBody(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    return refuse("ENCODING_INVALID", "", `the body is not UTF-8 (${errorMessage(cause)})`);
  }
}
