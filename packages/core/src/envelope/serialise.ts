import type { Envelope } from "./envelope.ts";
import { parseEnvelope } from "./parse.ts";

/**
 * The body to store. What it returns is an envelope by the same rules a reader applies, so that a job nobody
 * could run is refused where it is made: throws `EnvelopeError`.
 */
export function serialiseEnvelope(envelope: Envelope): string {
  const body = JSON.stringify(envelope);
  parseEnvelope(body);
  return body;
}
