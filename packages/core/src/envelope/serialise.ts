import type { Envelope } from "./envelope.ts";
import { checkEnvelope, parseEnvelope } from "./parse.ts";
import { isPlain } from "./plain.ts";
import { MAX_BODY_BYTES } from "./strict-json.ts";

/**
 * The body to store. What it returns is an envelope by the rules a reader applies, so that a job nobody could run
 * is refused where it is made. Throws `EnvelopeError`. Refuses whole numbers beyond ±(2^53−1) even where a reader
 * would take them: JavaScript cannot tell a large measurement from an integer that has lost its last digit.
 */
export function serialiseEnvelope(envelope: Envelope): string {
  const text = JSON.stringify(envelope);
  const body = text.includes("\ufffe") || text.includes("\uffff") ? escapeNoncharacters(text) : text;
  if (isReadAsGiven(envelope, body)) checkEnvelope(envelope, body.length);
  else parseEnvelope(body);
  return body;
}

/** Nearly every body: its text holds nothing that reading could change or refuse, so only the fields are judged. */
function isReadAsGiven(envelope: Envelope, body: string): boolean {
  return body.length <= MAX_BODY_BYTES / 3 && !body.includes("\\u") && isPlain(envelope);
}

/** The two that `JSON.stringify` writes raw and some queues refuse to carry. They occur inside strings only. */
function escapeNoncharacters(text: string): string {
  return text.replaceAll("\ufffe", "\\ufffe").replaceAll("\uffff", "\\uffff");
}
