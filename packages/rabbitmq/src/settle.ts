import type { Answer, DeadReason } from "@waybill/core";
import type { Lease, RetryRequest } from "@waybill/core/backend";
import { leaseLost, refused } from "./errors.ts";
import { type Delivery, deliveryOf, type Intake } from "./intake.ts";
import { header, headersOf, propertiesOf } from "./label.ts";
import { LONGEST_DELAY_MS } from "./ladder.ts";
import type { Settings } from "./options.ts";
import type { Sender } from "./sender.ts";

/**
 * Ends leases. A lease is ours while its channel lives, which only an answer of the broker shows: an ack counts once
 * something that was sent after it was answered on the same channel.
 */
export interface Settle {
  ack(leases: readonly Lease[]): Promise<Answer<null>[]>;
  extend(leases: readonly Lease[]): Answer<number>[];
  retry(lease: Lease, request: RetryRequest): Promise<void>;
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;
  /** For a lease that was not given out: uncounted, as if it had never been fetched. Never rejects. */
  giveBack(lease: Lease): Promise<void>;
}

export function createSettle(sender: Sender, queueType: Settings["queueType"]): Settle {
  /** Stores first, removes second: a crash in between leaves two copies, never none. */
  async function replace(
    lease: Omit<Lease, "token">,
    delivery: Delivery | null,
    store: (from: Delivery) => Promise<void>,
  ) {
    if (delivery === null) throw leaseLost(lease.id);
    delivery.state = "settling";
    await proven(lease, delivery.intake.confirm());
    try {
      await store(delivery);
    } catch (thrown) {
      delivery.state = "held";
      throw thrown;
    }
    if (!delivery.intake.alive) throw leaseLost(lease.id);
    await proven(lease, delivery.intake.ack([delivery]));
  }

  const proven = (lease: Pick<Lease, "id">, answered: Promise<void>): Promise<void> =>
    answered.catch(() => {
      throw leaseLost(lease.id);
    });

  function storeDead(lease: Omit<Lease, "token">, { message }: Delivery, reason: DeadReason): Promise<void> {
    const properties = propertiesOf(lease, {
      ...headersOf(lease, { ...lease, releases: 0, dueAt: null }),
      [header.queue]: lease.queue,
      [header.deadCode]: reason.code,
      [header.deadMessage]: reason.message.slice(0, 2_000),
      [header.diedAt]: Date.now(),
    });
    return sender.bury(lease.queue, message.content, properties);
  }

  return {
    async ack(leases) {
      const done = new Map<Intake, Delivery[]>();
      const owners = leases.map((lease) => {
        const delivery = deliveryOf(lease);
        if (delivery === null) return null;
        // At once, so that a lease that is given twice is acked once.
        delivery.state = "settling";
        const others = done.get(delivery.intake);
        if (others === undefined) done.set(delivery.intake, [delivery]);
        else others.push(delivery);
        return delivery.intake;
      });
      const answered = await Promise.all(
        [...done]
          .map(async ([intake, deliveries]) => {
            await intake.ack(deliveries);
            return intake;
          })
          .map((answer) => answer.catch(() => null)),
      );
      return leases.map(({ id }, index) => {
        const owner = owners[index];
        if (owner && answered.includes(owner)) return { ok: true, value: null };
        return { ok: false, error: leaseLost(id) };
      });
    },
    extend: (leases) =>
      leases.map((lease) => {
        const delivery = deliveryOf(lease);
        if (delivery === null) return { ok: false, error: leaseLost(lease.id) };
        return { ok: true, value: delivery.intake.expiresAt() };
      }),
    async retry(lease, { delayMs, countsAttempt }) {
      if (delayMs > LONGEST_DELAY_MS) {
        throw refused(`a retry may wait ${LONGEST_DELAY_MS} ms at most, not ${delayMs}; let it hop`);
      }
      const counts = {
        attempt: lease.attempt + (countsAttempt ? 1 : 0),
        lost: lease.lost,
        releases: lease.releases + (countsAttempt ? 0 : 1),
        dueAt: delayMs > 0 ? Math.ceil(Date.now() + delayMs) : null,
      };
      const properties = propertiesOf(lease, headersOf(lease, counts));
      await replace(lease, deliveryOf(lease), ({ message }) =>
        sender.again(lease.queue, message.content, properties, delayMs),
      );
    },
    deadLetter: (lease, reason) => replace(lease, deliveryOf(lease), (delivery) => storeDead(lease, delivery, reason)),
    async giveBack(lease) {
      const delivery = deliveryOf(lease);
      if (delivery === null) return;
      // Classic queues count nothing, so its place in the queue can be kept.
      if (queueType === "classic") return delivery.intake.putBack(delivery);
      try {
        const properties = propertiesOf(lease, headersOf(lease, lease));
        await replace(lease, delivery, ({ message }) => sender.again(lease.queue, message.content, properties, 0));
      } catch {
        returnCounted(delivery);
      }
    },
  };
}

/** Nothing could be stored: better counted as lost than kept from others. */
function returnCounted(delivery: Delivery): void {
  if (delivery.intake.alive && delivery.state === "held") delivery.intake.putBack(delivery);
}
