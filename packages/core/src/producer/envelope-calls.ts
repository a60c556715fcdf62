import type { Receipt } from "../backend/contract.ts";
import type { Envelope } from "../envelope/index.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import type { EnqueueCalls } from "./enqueue.ts";
import type { EnqueueOptions } from "./enqueue-options.ts";
import { makeMessage, type Sign } from "./make-message.ts";

/** Makes envelopes without storing them, and stores envelopes that were made so. */
export interface EnvelopeCalls {
  /** Returns the envelope that `enqueue` would store. Rejects what `enqueue` rejects before it stores anything. */
  envelopeOf(job: JobDefinition | string, payload: unknown, options: EnqueueOptions): Promise<Envelope>;
  /** Signs an envelope that was made here, and stores it. Rejects as `enqueue` does. */
  enqueueEnvelope(envelope: Envelope): Promise<Receipt>;
}

/** `maxBodyBytes` is the program's own limit in bytes of UTF-8. */
export function createEnvelopeCalls(
  { enqueueBy, store }: Pick<EnqueueCalls, "enqueueBy" | "store">,
  sign: Sign,
  maxBodyBytes: number,
): EnvelopeCalls {
  return {
    async envelopeOf(job, payload, options) {
      const made: Envelope[] = [];
      const keep = async ({ envelope }: { readonly envelope: Envelope }): Promise<Receipt> => {
        made.push(envelope);
        return { id: envelope.id, stored: false };
      };
      await enqueueBy(keep, job, payload, options);
      return made[0] as Envelope;
    },
    enqueueEnvelope: (envelope) =>
      store({ envelope, pack: (written) => makeMessage(written, sign), mayCarryTrace: false, maxBodyBytes }),
  };
}
