import { checkEnvelope } from "./check.ts";
import type { Envelope } from "./envelope.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import { isPlain } from "./plain.ts";

/** A serialised envelope. */
export interface Written {
  readonly body: string;
  /**
   * False: the text may mean something else than the object did, so it must be parsed and validated before it is
   * stored.
   */
  readonly isValidated: boolean;
}

/**
 * Serialises an envelope. Nearly every envelope is validated by its fields alone, since parsing its text could neither
 * change nor refuse anything; for the others `isValidated` is false. Throws `EnvelopeError`.
 */
export function writeEnvelope(envelope: Envelope): Written {
  const text = JSON.stringify(envelope);
  const body = text.includes("\ufffe") || text.includes("\uffff") ? escapeNoncharacters(text) : text;
  // The rule for limits is with the parser, since few jobs have any.
  const isPlainText = body.length <= MAX_BODY_BYTES / 3 && !body.includes("\\u") && isPlain(envelope);
  const isValidated = isPlainText && envelope.meta?.limits === undefined;
  if (isValidated) checkEnvelope(envelope, body.length);
  return { body, isValidated };
}

/**
 * Escapes the two characters that `JSON.stringify` writes raw and some queues refuse. They occur inside strings only.
 */
function escapeNoncharacters(text: string): string {
  return text.replaceAll("\ufffe", "\\ufffe").replaceAll("\uffff", "\\uffff");
}
