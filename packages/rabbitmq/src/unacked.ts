import type { Channel } from "amqplib";
import type { Delivery } from "./intake.ts";

const tagOf = ({ message }: Delivery): number => message.fields.deliveryTag;

/**
 * What one channel has delivered and the broker still counts as ours. Jobs end in about the order of their tags, so that
 * many acks are one: of a tag and all before it.
 */
export class Unacked {
  readonly #channel: Channel;
  /** The tags, oldest first. */
  readonly #open = new Set<number>();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get size(): number {
    return this.#open.size;
  }

  /** As it came from the channel. */
  add(delivery: Delivery): void {
    this.#open.add(tagOf(delivery));
  }

  /** Removes the messages for good. */
  ack(deliveries: readonly Delivery[]): void {
    const acked = new Map(deliveries.map((delivery) => [tagOf(delivery), delivery]));
    const last = this.#lastBeforeOthers(acked);
    if (last !== null) this.#channel.ack(last.message, true);
    for (const [tag, delivery] of acked) {
      if (last === null || tag > tagOf(last)) this.#channel.ack(delivery.message);
      this.#open.delete(tag);
    }
  }

  /** Back to its place in the queue. */
  putBack(delivery: Delivery): void {
    this.#channel.nack(delivery.message, false, true);
    this.#open.delete(tagOf(delivery));
  }

  /** The last of `acked` before which nothing else is open; null when the oldest is not among them. */
  #lastBeforeOthers(acked: ReadonlyMap<number, Delivery>): Delivery | null {
    let last: Delivery | null = null;
    for (const tag of this.#open) {
      const delivery = acked.get(tag);
      if (delivery === undefined) break;
      last = delivery;
    }
    return last;
  }
}
