import type { Ledger } from "../../backend/ledger.ts";
import type { Outgoing, ProducerSeam } from "../../backend/producer-seam.ts";
import { within } from "../../time/time-limit.ts";
import { cancelKey } from "./control-records.ts";

type Sending = Pick<ProducerSeam, "enqueue" | "enqueueIn">;

/** An enqueue needs no ledger, so it waits no longer for it. */
const LEDGER_MS = 1_000;

/**
 * Returns a seam that removes the cancel of an id before it stores a job of that id again, where the store cannot tell the two apart.
 * A new id is not looked up: no job can have had it.
 */
export function withoutCancels<S extends Sending>(seam: S, ledger: Pick<Ledger, "commit">): S {
  async function removeCancel({ envelope: { id, created_at: madeAt }, mayCarryTrace }: Outgoing): Promise<void> {
    if (mayCarryTrace || madeAt !== undefined) return;
    const removed = ledger.commit([{ key: cancelKey(id), ifVersion: "any", value: null }]);
    await within(
      removed.catch(() => undefined),
      LEDGER_MS,
    );
  }

  return {
    ...seam,
    async enqueue(outgoing) {
      await removeCancel(outgoing);
      return seam.enqueue(outgoing);
    },
    async enqueueIn(transaction, outgoing) {
      await removeCancel(outgoing);
      return seam.enqueueIn(transaction, outgoing);
    },
  };
}
