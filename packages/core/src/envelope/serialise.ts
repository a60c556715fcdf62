import type { Envelope } from "./envelope.ts";
import { parseEnvelope } from "./parse.ts";
import { writeEnvelope } from "./write.ts";

/**
 * The body to store. What it returns is an envelope by the rules a reader applies, so that a job nobody could run
 * is refused where it is made. Throws `EnvelopeError`. Refuses whole numbers beyond ±(2^53−1) even where a reader
 * would take them: JavaScript cannot tell a large measurement from an integer that has lost its last digit.
 */
export function serialiseEnvelope(envelope: Envelope): string {
  const { body, isJudged } = writeEnvelope(envelope);
  if (!isJudged) parseEnvelope(body);
  return body;
}
