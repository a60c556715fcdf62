import type { Message } from "../backend/contract.ts";
import type { Outgoing, SeamTracing } from "../backend/producer-seam.ts";
import { defaults } from "../envelope/index.ts";
import { toError } from "../values/thrown.ts";
import type { EventBus } from "./events.ts";
import { guarded } from "./telemetry-guard.ts";
import { type Telemetry, type TraceContext, traceOf } from "./telemetry.ts";
import type { Origin } from "../job/delivery.ts";

/**
 * Reports the calls of a seam and the events of its connection to a telemetry. Loaded only for a connection that has one, so a bundler puts it into a separate
 * chunk.
 */
export function seamTracing(telemetry: Telemetry, backend: Origin, events: EventBus): SeamTracing {
  const guard = guarded(telemetry);
  guard.listen?.(events);
  return {
    async send({ envelope, mayCarryTrace }, pack, store) {
      const { id, type, queue = defaults.queue, meta = {} } = envelope;
      const carries = mayCarryTrace && !("traceparent" in meta || "tracestate" in meta);
      const sending = guard.send({ id, type, queue, to: backend, trace: traceOf(meta), carries });
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
    },
    settled: (settled) => guard.settled({ from: backend, ...settled }),
  };
}

/** A job that is too large by its trace alone is sent without it. */
async function packedWithin(
  trace: TraceContext | null,
  envelope: Outgoing["envelope"],
  pack: Outgoing["pack"],
): Promise<Message> {
  if (trace === null) return pack(envelope);
  try {
    const { baggage = trace.baggage } = envelope.meta ?? {};
    return await pack({
      ...envelope,
      meta: { ...envelope.meta, ...trace, ...(baggage !== undefined && { baggage }) },
    });
  } catch {
    return pack(envelope);
  }
}
