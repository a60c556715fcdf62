import type { Receipt } from "../../backend/contract.ts";
import type { Outgoing, ProducerSeam } from "../../backend/producer-seam.ts";
import type { IdMemory } from "./id-memory.ts";

type Sending = Pick<ProducerSeam, "enqueue" | "enqueueIn">;

/** Returns a seam that stores no job whose id has finished. A new id is not looked up: no job can have had it. */
export function rememberingSeam<S extends Sending>(seam: S, ids: Pick<IdMemory, "hasFinished">): S {
  async function unlessFinished(outgoing: Outgoing, store: () => Promise<Receipt>): Promise<Receipt> {
    const { id } = outgoing.envelope;
    if (!outgoing.mayCarryTrace && (await ids.hasFinished(id))) return { id, stored: false };
    return store();
  }

  return {
    ...seam,
    enqueue: (outgoing) => unlessFinished(outgoing, () => seam.enqueue(outgoing)),
    enqueueIn: (transaction, outgoing) => unlessFinished(outgoing, () => seam.enqueueIn(transaction, outgoing)),
  };
}
