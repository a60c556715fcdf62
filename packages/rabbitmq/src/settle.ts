import type { Answer, DeadReason } from "@waybill/core";
import type { Lease, RetryRequest } from "@waybill/core/backend";
import { leaseLost, refused } from "./errors.ts";
import { type Delivery, deliveryOf, type Intake } from "./intake.ts";
import { header, headersOf, propertiesOf } from "./label.ts";
import { LONGEST_DELAY_MS } from "./ladder.ts";
import type { Sender } from "./sender.ts";

/** Ends leases. A lease is ours while its channel lives; nothing is asked of the broker to know it. */
export interface Settle {
  ack(leases: readonly Lease[]): Answer<null>[];
  extend(leases: readonly Lease[]): Answer<null>[];
  retry(lease: Lease, request: RetryRequest): Promise<void>;
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;
  /** For a delivery that cannot become a lease. Never rejects: what fails is delivered again. */
  bury(delivery: Delivery, lease: Omit<Lease, "token">, reason: DeadReason): Promise<void>;
}

export function createSettle(sender: Sender): Settle {
  /** Stores first, removes second: a crash in between leaves two copies, never none. */
  async function replace(
    lease: Omit<Lease, "token">,
    delivery: Delivery | null,
    store: (from: Delivery) => Promise<void>,
  ) {
    if (delivery === null) throw leaseLost(lease.id);
    delivery.state = "settling";
    try {
      await store(delivery);
    } catch (thrown) {
      delivery.state = "held";
      throw thrown;
    }
    if (!delivery.intake.alive) throw leaseLost(lease.id);
    delivery.intake.ack([delivery]);
  }

  /** `ours` is called for each that is ours yet. */
  const answerEach = (leases: readonly Lease[], ours: (delivery: Delivery) => void): Answer<null>[] =>
    leases.map((lease) => {
      const delivery = deliveryOf(lease);
      if (delivery === null) return { ok: false, error: leaseLost(lease.id) };
      ours(delivery);
      return { ok: true, value: null };
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
    ack(leases) {
      const done = new Map<Intake, Delivery[]>();
      const answers = answerEach(leases, (delivery) => {
        // At once, so that a lease that is given twice is acked once.
        delivery.state = "settling";
        const others = done.get(delivery.intake);
        if (others === undefined) done.set(delivery.intake, [delivery]);
        else others.push(delivery);
      });
      for (const [intake, deliveries] of done) intake.ack(deliveries);
      return answers;
    },
    extend: (leases) => answerEach(leases, () => undefined),
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
    async bury(delivery, lease, reason) {
      try {
        await replace(lease, delivery, (from) => storeDead(lease, from, reason));
      } catch {
        if (delivery.intake.alive && delivery.state === "held") delivery.intake.putBack(delivery);
      }
    },
  };
}
