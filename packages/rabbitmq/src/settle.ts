import type { DeadReason, Result, WaybillError } from "@waybill/core";
import { type Backend, type Lease, leaseLost, serialiseError, tooLong } from "@waybill/core/backend";
import { type Consumer, type Delivery, deliveryOf } from "./connection/consumer.ts";
import type { Writer } from "./enqueue.ts";
import { header, headersOf, propertiesOf } from "./message/label.ts";
import type { Settings } from "./options.ts";
import { LONGEST_DELAY_MS } from "./topology/delay-levels.ts";

/**
 * Settles leases. A lease is valid while its channel lives, which only a reply of the broker proves: an ack counts once
 * the broker has replied to a request sent after it on the same channel.
 */
export interface Settle extends Pick<Backend, "ack" | "retry" | "deadLetter"> {
  extend(leases: readonly Lease[]): Result<number>[];
  /** Releases a lease that no call has returned, without counting a release or a loss. Never rejects. */
  release(lease: Lease): Promise<void>;
}

export function createSettle(writer: Writer, queueType: Settings["queueType"]): Settle {
  /** Stores a copy, then removes the message. A crash in between leaves both. */
  async function replace(lease: Lease, store: (message: Delivery["message"]) => Promise<void>): Promise<void> {
    const delivery = deliveryOf(lease);
    if (delivery === null) throw lost(lease);
    const { consumer } = delivery;
    delivery.state = "settling";
    await orLost(lease, consumer.confirm());
    try {
      await store(delivery.message);
    } catch (thrown) {
      delivery.state = "leased";
      throw thrown;
    }
    await orLost(lease, consumer.ack([delivery]));
  }

  return {
    async ack(leases) {
      const byConsumer = new Map<Consumer, Delivery[]>();
      const consumers = leases.map((lease) => {
        const delivery = deliveryOf(lease);
        if (delivery === null) return null;
        // Set at once, so that a lease that is given twice is acked once.
        delivery.state = "settling";
        const { consumer } = delivery;
        const others = byConsumer.get(consumer);
        if (others === undefined) byConsumer.set(consumer, [delivery]);
        else others.push(delivery);
        return consumer;
      });
      const acked = new Set<Consumer>();
      const calls = [...byConsumer].map(([consumer, all]) => consumer.ack(all).then(() => acked.add(consumer)));
      await Promise.allSettled(calls);
      return leases.map((lease, index): Result<null> => {
        const consumer = consumers[index];
        return consumer && acked.has(consumer) ? { ok: true, value: null } : { ok: false, error: lost(lease) };
      });
    },
    extend: (leases) =>
      leases.map((lease): Result<number> => {
        const delivery = deliveryOf(lease);
        if (delivery === null) return { ok: false, error: lost(lease) };
        return { ok: true, value: delivery.consumer.renew(delivery) };
      }),
    async retry(lease, { delayMs, countsAttempt }) {
      if (delayMs > LONGEST_DELAY_MS) throw tooLong("retry delay", lease.id, delayMs, LONGEST_DELAY_MS);
      const { attempt, lost, releases } = lease;
      const counted = countsAttempt ? { attempt: attempt + 1, releases } : { attempt, releases: releases + 1 };
      const dueAt = delayMs > 0 ? Math.ceil(Date.now() + delayMs) : null;
      const properties = propertiesOf(lease, headersOf(lease, { ...counted, lost, dueAt }));
      await replace(lease, ({ content }) => writer.copy(lease.queue, content, properties, delayMs));
    },
    async deadLetter(lease, reason) {
      await replace(lease, ({ content }) => writer.deadLetter(lease.queue, content, deadProperties(lease, reason)));
    },
    async release(lease) {
      const delivery = deliveryOf(lease);
      if (delivery === null) return;
      // Classic queues count no deliveries, so the message can be requeued.
      if (queueType === "classic") return delivery.consumer.requeue(delivery);
      const properties = propertiesOf(lease, headersOf(lease, lease));
      try {
        await replace(lease, ({ content }) => writer.copy(lease.queue, content, properties, 0));
      } catch {
        // No copy could be stored. Counted as lost, the job is at least available to other workers.
        if (deliveryOf(lease) !== null) delivery.consumer.requeue(delivery);
      }
    },
  };
}

const lost = ({ id }: Lease): WaybillError => leaseLost(id, "its channel was closed, or it was settled");

const orLost = (lease: Lease, confirmed: Promise<void>): Promise<void> =>
  confirmed.catch(() => {
    throw lost(lease);
  });

function deadProperties(lease: Lease, reason: DeadReason): ReturnType<typeof propertiesOf> {
  const error = serialiseError(reason.error);
  return propertiesOf(lease, {
    ...headersOf(lease, { ...lease, releases: 0, dueAt: null }),
    [header.queue]: lease.queue,
    [header.deadCode]: reason.code,
    [header.deadMessage]: reason.message.slice(0, 2_000),
    ...(error !== null && { [header.deadError]: error }),
    [header.diedAt]: Date.now(),
  });
}
