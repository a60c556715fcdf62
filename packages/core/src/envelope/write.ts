import { checkEnvelope } from "./check.ts";
import type { Envelope } from "./envelope.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import { isPlain } from "./plain.ts";

/** An envelope as text. */
export interface Written {
  readonly body: string;
  /** False: the text may read otherwise than it was meant, so a reader must judge it before anybody stores it. */
  readonly isJudged: boolean;
}

/**
 * Writes an envelope. Nearly every one is judged by its fields, since its text holds nothing that reading could change or
 * refuse; the others are for `parseEnvelope` to judge. Throws `EnvelopeError`.
 */
export function writeEnvelope(envelope: Envelope): Written {
  const text = JSON.stringify(envelope);
  const body = text.includes("\ufffe") || text.includes("\uffff") ? escapeNoncharacters(text) : text;
  const isJudged = body.length <= MAX_BODY_BYTES / 3 && !body.includes("\\u") && isPlain(envelope);
  if (isJudged) checkEnvelope(envelope, body.length);
  return { body, isJudged };
}

/** The two that `JSON.stringify` writes raw and some queues refuse to carry. They occur inside strings only. */
function escapeNoncharacters(text: string): string {
  return text.replaceAll("\ufffe", "\\ufffe").replaceAll("\uffff", "\\uffff");
}
