import { type Answer, toError } from "@waybill/core";
import type { Backend, Capabilities, Lease } from "@waybill/core/backend";
import { isWaybillError, WaybillError } from "@waybill/core";
import type { Batches } from "./batches.ts";
import { cameTooLate, type Delivery, jobOf, ours, visibilityFor } from "./delivery.ts";
import { leaseLost } from "./errors.ts";
import type { History, Label } from "./label.ts";
import { tooLong } from "./limits.ts";
import type { Moves } from "./moves.ts";
import { perQueue } from "./per-queue.ts";

export type Settle = Pick<Backend, "ack" | "extend" | "retry" | "deadLetter"> & {
  /** Makes leases deliverable again as if they had never been taken; on FIFO queues the delivery counts. */
  giveBack(leases: readonly Lease[]): Promise<void>;
};

export function createSettle(batches: Batches, moves: Moves, has: Capabilities, fifo: boolean): Settle {
  async function done(lease: Lease): Promise<Answer<null>> {
    const delivery = ourOwn(lease);
    return delivery instanceof WaybillError ? { ok: false, error: delivery } : moves.remove(delivery);
  }

  function goBack(lease: Lease, delivery: Delivery, history: History, delayMs: number): Promise<Answer<null>> {
    return fifo ? moves.sleep(delivery, delayMs) : moves.replace(delivery, labelOf(lease), history);
  }

  return {
    ack: (leases) => Promise.all(leases.map(done)),

    async retry(lease, { delayMs, countsAttempt }) {
      if (delayMs > has.maxRetryDelayMs) throw tooLong("retry delay", lease.id, delayMs, has.maxRetryDelayMs);
      const delivery = ours(lease);
      const { attempt, lost, releases } = delivery.history;
      const dueAt = delayMs > 0 ? Date.now() + Math.ceil(delayMs) : null;
      const counted = countsAttempt ? { attempt: attempt + 1, releases } : { attempt, releases: releases + 1 };
      must(await goBack(lease, delivery, { ...counted, lost, dueAt }, delayMs));
    },

    async deadLetter(lease, reason) {
      must(await moves.bury(ours(lease), labelOf(lease), lease.queue, reason));
    },

    extend: (leases, leaseMs) => extend(batches, has.maxLeaseMs, leases, leaseMs),

    async giveBack(leases) {
      const backs = leases.map(async (lease) => {
        const delivery = ours(lease);
        return goBack(lease, delivery, delivery.history, 0);
      });
      // What cannot be given back comes again when its lease ends.
      await Promise.allSettled(backs);
    },
  };
}

const labelOf = ({ id, type, tenant, signature }: Lease): Label => ({ id, type, tenant, signature });

function must(answer: Answer<null>): void {
  if (!answer.ok) throw answer.error;
}

/** The delivery behind a lease, or why it is not ours. */
function ourOwn(lease: Lease): Delivery | WaybillError {
  try {
    return ours(lease);
  } catch (thrown) {
    if (isWaybillError(thrown)) return thrown;
    throw toError(thrown);
  }
}

/** SQS counts what is asked from the receipt on, and refuses more than 12 h in all. */
async function extend(
  batches: Batches,
  maxLeaseMs: number,
  leases: readonly Lease[],
  leaseMs: number,
): Promise<Answer<number | null>[]> {
  const now = performance.now();
  const expiresAt = Date.now() + leaseMs;
  const held = leases.map((lease) => {
    const delivery = ourOwn(lease);
    if (delivery instanceof WaybillError) return delivery;
    const asked = now + leaseMs - delivery.receivedAt;
    return asked > maxLeaseMs ? tooLong("lease", lease.id, Math.round(asked), maxLeaseMs) : delivery;
  });
  const seconds = visibilityFor(leaseMs);
  const answers = await perQueue(held, (queue, some) =>
    batches.hide(
      queue,
      some.map((delivery) => ({ job: jobOf(delivery), handle: delivery.handle, seconds })),
    ),
  );
  return answers.map((answer, index) => {
    const delivery = held[index];
    if (!answer.ok || delivery === undefined || delivery instanceof WaybillError) return answer;
    if (cameTooLate(delivery)) return { ok: false, error: leaseLost(jobOf(delivery)) };
    delivery.deadline = now + leaseMs;
    delivery.hiddenUntil = now + seconds * 1_000;
    return { ok: true, value: expiresAt };
  });
}
