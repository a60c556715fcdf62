import type { Admit, Signature } from "../backend/contract.ts";
import type { Capabilities } from "../backend/capabilities.ts";
import { judge as judgeNeed } from "../backend/needs.ts";
import { type Envelope, parseEnvelope } from "../envelope/index.ts";
import { EnvelopeError } from "../errors.ts";
import { messageOf } from "../backend/message.ts";
import { withoutKeys } from "../backend/message-limits.ts";
import { unmetNeed } from "../backend/envelope-needs.ts";
import { envelopeWithin, readSignedWrapper } from "../signing/signed-wrapper.ts";
import { cutText } from "../values/any-value.ts";
import { toError } from "../values/thrown.ts";

/** Returns why a body is too large for its backend, and what to do; null when it is not. */
function excess(body: string, has: Capabilities): string | null {
  const bytes = Buffer.byteLength(body);
  const verdict = judgeNeed({ kind: "bodyBytes", bytes }, has);
  return verdict.kind === "refused" ? `the envelope has ${bytes} bytes: ${verdict.remedy}` : null;
}

/**
 * Returns the check of bytes that a producer in another language put into a backend's inbox. A signed wrapper is removed; its
 * signature is stored beside the body, unverified: the worker verifies it. `has` is called once the backend is open.
 */
export function createAdmit(has: () => Capabilities): Admit {
  function judge(envelope: Envelope, body: string, signature: Signature | null): ReturnType<Admit> {
    const unmet = unmetNeed(envelope, has()) ?? excess(body, has());
    if (unmet !== null) return { ok: false, reason: { code: "NEED_UNSUPPORTED", message: unmet } };
    const message = withoutKeys(messageOf(envelope, body, signature), has());
    return { ok: true, message: { ...message, delayMs: Math.min(message.delayMs, has().maxDelayMs) } };
  }

  return (body, signature) => {
    const wrapper = signature === null ? readSignedWrapper(body) : null;
    try {
      if (wrapper !== null) return judge(envelopeWithin(wrapper), wrapper.envelope, wrapper.signature);
      return judge(parseEnvelope(body), body, signature);
    } catch (thrown) {
      const error = toError(thrown);
      const code = error instanceof EnvelopeError ? error.envelopeCode : "ADMISSION_FAILED";
      return { ok: false, reason: { code, message: cutText(error.message) } };
    }
  };
}
