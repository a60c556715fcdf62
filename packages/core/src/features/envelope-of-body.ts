import { type Envelope, parseEnvelope } from "../envelope/index.ts";
import { envelopeWithin, readSignedWrapper } from "../signing/signed-wrapper.ts";

/** Returns the envelope of a delivered job, also that of a signed wrapper, whose signature is not verified; null for a body that is none. */
export function envelopeOfBody(body: string): Envelope | null {
  try {
    const wrapper = readSignedWrapper(body);
    return wrapper === null ? parseEnvelope(body) : envelopeWithin(wrapper);
  } catch {
    // Core refuses it where it judges the job.
    return null;
  }
}
