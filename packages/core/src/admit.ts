import type { Admit, Signature } from "./backend.ts";
import type { Capabilities } from "./capabilities.ts";
import { type Envelope, parseEnvelope } from "./envelope/index.ts";
import { EnvelopeError } from "./errors.ts";
import { messageOf } from "./message.ts";
import { unmetNeed } from "./need.ts";
import { envelopeWithin, readSignedWrapper } from "./signed-wrapper.ts";
import { cutText, toError } from "./thrown.ts";

/**
 * Core's judgement of bytes that a foreign producer left in a backend's inbox. A wrapper comes off here, and its
 * signature goes on as one in a column would: unverified, for the worker to judge. `has` is asked once the backend is open.
 */
export function createAdmit(has: () => Capabilities): Admit {
  function judge(envelope: Envelope, body: string, signature: Signature | null): ReturnType<Admit> {
    const unmet = unmetNeed(envelope, has());
    if (unmet !== null) return { ok: false, reason: { code: "NEED_UNSUPPORTED", message: unmet } };
    const message = messageOf(envelope, body, signature);
    return { ok: true, message: { ...message, delayMs: Math.min(message.delayMs, has().maxDelayMs) } };
  }

  return (body, signature) => {
    const wrapper = signature === null ? readSignedWrapper(body) : null;
    try {
      if (wrapper !== null) return judge(envelopeWithin(wrapper), wrapper.envelope, wrapper.signature);
      return judge(parseEnvelope(body), body, signature);
    } catch (thrown) {
      const error = toError(thrown);
      const code = error instanceof EnvelopeError ? error.envelopeCode : "ENVELOPE_INVALID";
      return { ok: false, reason: { code, message: cutText(error.message) } };
    }
  };
}
