import type { Message, Receipt } from "./backend.ts";
import type { Envelope } from "./envelope/index.ts";
import type { JobLabel } from "./events.ts";
import { type Origin, type Telemetry, type TraceContext, traceOf } from "./telemetry.ts";
import { guarded } from "./telemetry-guard.ts";
import { toError } from "./thrown.ts";

/** Makes the message of an envelope. Throws or rejects for one that nobody could run. */
export type Pack = (envelope: Envelope) => Message | Promise<Message>;

/** Packs and stores one job under a span of its own, whose trace the envelope carries if `mayCarry`. */
export type TracedSend = (
  label: JobLabel,
  envelope: Envelope,
  mayCarry: boolean,
  pack: Pack,
  store: (message: Message) => Promise<Receipt>,
) => Promise<Receipt>;

/** Loaded when it is asked for, and it shares nothing with the rest: a bundle of who does not trace has none of it. */
export function createTracedSend(telemetry: Telemetry, to: Origin): TracedSend {
  const guard = guarded(telemetry);
  return async (label, envelope, mayCarry, pack, store) => {
    const { meta = {} } = envelope;
    const carries = mayCarry && !("traceparent" in meta || "tracestate" in meta);
    const sending = guard.send({ ...label, to, trace: traceOf(meta), carries });
    let body: string | null = null;
    try {
      const message = await (carries ? packedWithin(sending.trace, envelope, pack) : pack(envelope));
      ({ body } = message);
      const receipt = await store(message);
      sending.end({ body, stored: receipt.stored, error: null });
      return receipt;
    } catch (thrown) {
      sending.end({ body, stored: false, error: toError(thrown) });
      throw thrown;
    }
  };
}

/** A job that is too large by its trace alone goes without. */
async function packedWithin(trace: TraceContext | null, envelope: Envelope, pack: Pack): Promise<Message> {
  if (trace === null) return pack(envelope);
  try {
    return await pack({ ...envelope, meta: { ...envelope.meta, ...trace } });
  } catch {
    return pack(envelope);
  }
}
