import type { Envelope } from "./envelope.ts";
import { parseEnvelope } from "./parse.ts";
import { writeEnvelope } from "./write.ts";

/**
 * Returns the body to store. The result is valid by the rules of readers, so that a job that could not run is refused
 * where it is made. Throws `EnvelopeError`. Also refuses integers beyond ±(2^53−1) that readers would accept as a
 * double: JavaScript cannot distinguish a large measurement from an integer that has lost its last digit.
 */
export function serialiseEnvelope(envelope: Envelope): string {
  const { body, isValidated } = writeEnvelope(envelope);
  if (!isValidated) parseEnvelope(body);
  return body;
}
