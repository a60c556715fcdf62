import type { Envelope } from "./envelope.ts";
import { parseEnvelope } from "./parse.ts";

/**
 * The body to store. What it returns is an envelope by the rules a reader applies, so that a job nobody could run
 * is refused where it is made: throws `EnvelopeError`. Refuses whole numbers beyond ±(2^53−1) even where a reader
 * would take them: JavaScript cannot tell a large measurement from an integer that has lost its last digit.
 */
export function serialiseEnvelope(envelope: Envelope): string {
  const text = JSON.stringify(envelope);
  const body = text.includes("\ufffe") || text.includes("\uffff") ? escapeNoncharacters(text) : text;
  parseEnvelope(body);
  return body;
}

/** The two that `JSON.stringify` writes raw and some queues refuse to carry. They occur inside strings only. */
function escapeNoncharacters(text: string): string {
  return text.replaceAll("\ufffe", "\\ufffe").replaceAll("\uffff", "\\uffff");
}
