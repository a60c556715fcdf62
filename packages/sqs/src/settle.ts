import type { Result } from "@waybill/core";
import { type Backend, type Capabilities, type Lease, leaseLost, tooLong } from "@waybill/core/backend";
import type { Batches, Outgoing } from "./client/batches.ts";
import { type Attributes, sizeOf } from "./message/attributes.ts";
import {
  cameTooLate,
  type Delivery,
  deliveryIn,
  hasEnded,
  jobOf,
  LONGEST_HIDE_S,
  visibilityFor,
} from "./queues/delivery.ts";
import {
  deadAttributes,
  groupOf,
  type History,
  historyAttributes,
  type Label,
  labelAttributes,
  merged,
} from "./message/label.ts";
import type { Queue } from "./queues/queues.ts";

/** Settles leases. What takes two steps stores first and removes second, so a crash in between leaves two copies. */
export interface Settle extends Pick<Backend, "ack" | "extend" | "retry" | "deadLetter"> {
  /** Releases leases that no call has returned, uncounted. On FIFO queues the delivery counts. Never rejects. */
  release(leases: readonly Lease[]): Promise<void>;
  /** Makes a message that was received before it is due wait `earlyMs` more. Never rejects. */
  postpone(delivery: Delivery, label: Label, earlyMs: number): Promise<unknown>;
}

const LONGEST_DELAY_S = 900;

export function createSettle(
  batches: Batches,
  dead: Queue,
  { maxRetryDelayMs, maxLeaseMs }: Capabilities,
  fifo: boolean,
): Settle {
  const itemOf = (delivery: Delivery) => ({
    job: jobOf(delivery),
    handle: delivery.handle,
    isLost: () => hasEnded(delivery),
  });

  /** A settle that SQS confirms too late may have met another worker's lease, so it counts as lost. */
  function settled(delivery: Delivery, result: Result<null>): Result<null> {
    if (!result.ok) return result;
    delivery.settled = true;
    return cameTooLate(delivery) ? lost(jobOf(delivery)) : result;
  }

  const remove = async (delivery: Delivery): Promise<Result<null>> =>
    settled(delivery, await batches.remove(delivery.queue.url, itemOf(delivery)));

  /** Stores the copy, unless a call before this one did, and removes the message. */
  async function replace(delivery: Delivery, to: Queue, copy: Outgoing): Promise<Result<null>> {
    if (!delivery.replaced) {
      const stored = await batches.send(to.url, { ...copy, isLost: () => hasEnded(delivery) });
      if (!stored.ok) return stored;
      delivery.replaced = true;
    }
    const removed = await remove(delivery);
    if (removed.ok || removed.error.code !== "LEASE_LOST") return removed;
    // The copy is stored. A lost lease means at worst that the job is there twice.
    delivery.settled = true;
    return { ok: true, value: null };
  }

  /** On standard queues a copy waits in place of the message. A FIFO message would lose its order, so it is hidden. */
  async function waitAgain(delivery: Delivery, label: Label, history: History, waitMs: number): Promise<Result<null>> {
    if (fifo) {
      const seconds = Math.min(LONGEST_HIDE_S, Math.ceil(waitMs / 1_000));
      return settled(delivery, await batches.hide(delivery.queue.url, { ...itemOf(delivery), seconds }));
    }
    const leftMs = history.dueAt === null ? 0 : Math.max(0, history.dueAt - Date.now());
    const copy = copyOf(delivery, { ...labelAttributes(label), ...historyAttributes(history) }, delivery.queue);
    const delaySeconds = Math.min(LONGEST_DELAY_S, Math.ceil(leftMs / 1_000));
    const group = label.tenant === null ? delivery.group : groupOf(label);
    return replace(delivery, delivery.queue, { ...copy, delaySeconds, group });
  }

  async function deadLetter(delivery: Delivery, lease: Lease, attributes: Attributes): Promise<Result<null>> {
    const history = historyAttributes({ ...delivery.history, dueAt: null });
    // If SQS does not accept all attributes, the last ones are left out.
    const copy = copyOf(delivery, { ...labelAttributes(lease), ...history, ...attributes }, dead);
    // In a group of its own, so that no dead letter waits for another.
    const own = fifo ? delivery.messageId : null;
    return replace(delivery, dead, { ...copy, group: own, dedupe: own });
  }

  async function extend(lease: Lease, leaseMs: number): Promise<Result<number | null>> {
    const delivery = deliveryIn(lease);
    if (delivery === null) return lost(lease.id);
    const now = performance.now();
    const expiresAt = Date.now() + leaseMs;
    // SQS counts from the receipt, and refuses more than 12 h in all.
    const totalMs = now + leaseMs - delivery.receivedAt;
    if (totalMs > maxLeaseMs) return { ok: false, error: tooLong("lease", lease.id, Math.round(totalMs), maxLeaseMs) };
    const seconds = visibilityFor(leaseMs);
    const result = await batches.hide(delivery.queue.url, { job: jobOf(delivery), handle: delivery.handle, seconds });
    if (!result.ok) return result;
    if (cameTooLate(delivery)) return lost(lease.id);
    delivery.deadline = now + leaseMs;
    delivery.hiddenUntil = now + seconds * 1_000;
    return { ok: true, value: expiresAt };
  }

  return {
    ack(leases) {
      const acked = leases.map(async (lease) => {
        const delivery = deliveryIn(lease);
        return delivery === null ? lost(lease.id) : remove(delivery);
      });
      return Promise.all(acked);
    },
    extend: (leases, leaseMs) => Promise.all(leases.map((lease) => extend(lease, leaseMs))),
    async retry(lease, { delayMs, countsAttempt }) {
      if (delayMs > maxRetryDelayMs) throw tooLong("retry delay", lease.id, delayMs, maxRetryDelayMs);
      const delivery = orThrow(lease);
      const { attempt, lost, releases } = delivery.history;
      const counted = countsAttempt ? { attempt: attempt + 1, releases } : { attempt, releases: releases + 1 };
      const dueAt = delayMs > 0 ? Date.now() + Math.ceil(delayMs) : null;
      assertOk(await waitAgain(delivery, lease, { ...counted, lost, dueAt }, delayMs));
    },
    async deadLetter(lease, reason) {
      assertOk(await deadLetter(orThrow(lease), lease, deadAttributes(lease.queue, reason)));
    },
    async release(leases) {
      const released = leases.map(async (lease) => {
        const delivery = orThrow(lease);
        return waitAgain(delivery, lease, delivery.history, 0);
      });
      // A message that could not be released becomes visible when its lease ends.
      await Promise.allSettled(released);
    },
    postpone: (delivery, label, earlyMs) => waitAgain(delivery, label, delivery.history, earlyMs),
  };
}

const lost = (job: string): Result<never> => ({ ok: false, error: leaseLost(job) });

function orThrow(lease: Lease): Delivery {
  const delivery = deliveryIn(lease);
  if (delivery === null) throw leaseLost(lease.id);
  return delivery;
}

function assertOk(result: Result<null>): void {
  if (!result.ok) throw result.error;
}

/** Returns the message with more attributes, its text unchanged. If they do not fit, the longest are left out. */
function copyOf(delivery: Delivery, ours: Attributes, to: Queue): Outgoing {
  const { text, attributes } = delivery;
  let kept = Object.entries(merged(attributes, ours));
  const sizeOfOne = ([name, value]: (typeof kept)[number]): number => sizeOf("", { [name]: value });
  while (sizeOf(text, Object.fromEntries(kept)) > to.maxBytes && kept.length > 0) {
    const longest = kept.reduce((one, other) => (sizeOfOne(other) > sizeOfOne(one) ? other : one));
    kept = kept.filter((one) => one !== longest);
  }
  const job = jobOf(delivery);
  return { job, text, attributes: Object.fromEntries(kept), delaySeconds: 0, group: null, dedupe: null };
}
