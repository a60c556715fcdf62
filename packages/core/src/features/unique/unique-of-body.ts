import type { Lease, UniqueKey } from "../../backend/contract.ts";
import { uniqueOf } from "../../backend/message.ts";
import { type Envelope, parseEnvelope } from "../../envelope/index.ts";
import { envelopeWithin, readSignedWrapper } from "../../signing/signed-wrapper.ts";

/** Returns the unique key that the envelope of a delivered job asks for; null for none, and for a body that is no envelope. */
export function uniqueOfBody({ body, damage }: Pick<Lease, "body" | "damage">): UniqueKey | null {
  if (damage !== undefined || !body.includes("dedupe")) return null;
  const envelope = envelopeOf(body);
  return envelope?.dedupe === undefined ? null : uniqueOf(envelope.dedupe);
}

function envelopeOf(body: string): Envelope | null {
  try {
    const wrapper = readSignedWrapper(body);
    return wrapper === null ? parseEnvelope(body) : envelopeWithin(wrapper);
  } catch {
    // Core refuses it where it judges the job.
    return null;
  }
}
