import type { Channel } from "amqplib";
import type { Delivery } from "./intake.ts";

/**
 * What one channel has delivered and the broker still counts as ours, in the order of its tags. Jobs end in about that
 * order, so that many acks are one: of a tag and all before it.
 */
export class Unacked {
  readonly #channel: Channel;
  /** Those before `#first` are done, and most behind it are not. */
  #line: Delivery[] = [];
  #first = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** As it came from the channel. */
  add(delivery: Delivery): void {
    this.#line.push(delivery);
  }

  /** Removes messages for good. Their states say nothing yet. */
  ack(deliveries: readonly Delivery[]): void {
    const acked = new Set(deliveries);
    const last = this.#passed(acked);
    if (last !== null) this.#channel.ack(last.message, true);
    for (const delivery of deliveries) {
      if (last === null || delivery.message.fields.deliveryTag > last.message.fields.deliveryTag)
        this.#channel.ack(delivery.message);
      delivery.state = "over";
    }
  }

  /** Back to its place in the queue. */
  putBack(delivery: Delivery): void {
    this.#channel.nack(delivery.message, false, true);
    delivery.state = "over";
  }

  /** The last of `acked` before which nothing else is open; null when the oldest is not among them. */
  #passed(acked: ReadonlySet<Delivery>): Delivery | null {
    let last: Delivery | null = null;
    for (; this.#first < this.#line.length; this.#first += 1) {
      const delivery = this.#line[this.#first];
      if (delivery === undefined) break;
      if (acked.has(delivery)) last = delivery;
      else if (delivery.state !== "over") break;
    }
    // Seldom, and most of it at once: a splice moves what is left.
    if (this.#first > LONG && this.#first * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#first);
      this.#first = 0;
    }
    return last;
  }
}

const LONG = 1_000;
