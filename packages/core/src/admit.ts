import { wallMs } from "./clock.ts";
import type { Admit, Message, Signature } from "./backend.ts";
import type { Capabilities } from "./capabilities.ts";
import { defaults, type Envelope, parseEnvelope, parseTimestamp } from "./envelope/index.ts";
import { EnvelopeError } from "./errors.ts";
import { unmetNeed } from "./need.ts";
import { envelopeWithin, readSignedWrapper } from "./signed-wrapper.ts";
import { toError } from "./thrown.ts";

/** The label of an envelope, and its body beside it. A `scheduled_at` in the past is a delay of 0. */
export function messageOf(envelope: Envelope, body: string, signature: Signature | null): Message {
  const { scheduled_at: scheduledAt, meta } = envelope;
  return {
    id: envelope.id,
    type: envelope.type,
    queue: envelope.queue ?? defaults.queue,
    delayMs: scheduledAt === undefined ? 0 : Math.max(0, parseTimestamp(scheduledAt) - wallMs()),
    priority: envelope.priority ?? 0,
    tenant: meta?.tenant_id ?? null,
    signature,
    body,
  };
}

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
      return { ok: false, reason: { code, message: error.message } };
    }
  };
}
