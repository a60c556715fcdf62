import { setTimeout as sleep } from "node:timers/promises";
import type { Channel, ConsumeMessage, GetMessage } from "amqplib";
import type { Lease } from "@waybill/core/backend";
import type { Liveness } from "./heartbeat.ts";

/** A delivered message, which is the token of its lease. The broker delivers it again when its channel ends. */
export interface Delivery {
  readonly message: ConsumeMessage | GetMessage;
  readonly consumer: Consumer;
  /** Null for a message that `get` returned. */
  readonly subscription: Subscription | null;
  /** "settling": a copy is being stored, and no other call may settle the delivery meanwhile. */
  state: "leased" | "settling" | "settled";
  /** Monotonic milliseconds. The end of the lease as the worker knows it; Infinity until a call has returned the lease. */
  leasedUntil: number;
}

interface Subscription {
  readonly tag: string;
  /** How many more messages the broker may send. */
  credit: number;
  alive: boolean;
}

export interface ConsumerEvents {
  readonly delivered: (delivery: Delivery) => void;
  /** The broker ended a subscription because the queue was deleted or moved. The channel and its deliveries stay. */
  readonly cancelled: () => void;
  /** The channel has ended, and every delivery with it. */
  readonly ended: (error: Error | null) => void;
}

/** A queue that is not empty uses up the credit of a subscription sooner than this. */
const DRAIN_MS = 500;
const BETWEEN_CHECKS_MS = 5;
const MANY_SUBSCRIPTIONS = 4;
const LARGEST_PREFETCH = 65_535;

/**
 * RabbitMQ passes acks on to a quorum queue a few dozen at a time, some milliseconds later, and forgets the others when
 * the channel closes: measured on 3.10, 505 of 3,000 jobs were delivered again after a clean close.
 */
export const AFTER_ACK_MS = 300;

/** How often expired leases are looked for. */
const EXPIRY_CHECK_MS = 500;
/** A settle or an extension on its way arrives sooner than this after the end of a lease. */
const AFTER_EXPIRY_MS = 1_000;

let nextTag = 1;
const tagOf = ({ message }: Delivery): number => message.fields.deliveryTag;

/** One channel that consumes one queue. */
export class Consumer {
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #liveness: Liveness;
  readonly #events: ConsumerEvents;
  readonly #subscriptions = new Set<Subscription>();
  /** Unsettled deliveries by tag, oldest first. */
  readonly #unsettled = new Map<number, Delivery>();
  readonly #expiryCheck: NodeJS.Timeout;
  #newestTag = 0;
  #open = true;
  #lastAckAt = -Infinity;
  #confirming: Promise<void> | null = null;
  #nextConfirm: Promise<void> | null = null;

  constructor(channel: Channel, queue: string, liveness: Liveness, events: ConsumerEvents) {
    this.#channel = channel;
    this.#queue = queue;
    this.#liveness = liveness;
    this.#events = events;
    this.#expiryCheck = setInterval(() => this.#requeueExpired(), EXPIRY_CHECK_MS).unref();
    let lastError: Error | null = null;
    channel.on("error", (error: Error) => (lastError = error));
    channel.on("close", () => {
      if (!this.#open) return;
      this.#open = false;
      clearInterval(this.#expiryCheck);
      this.#subscriptions.clear();
      events.ended(lastError);
    });
  }

  /** False once other workers may have its deliveries: the channel has ended, or the connection is unproven for too long. */
  get alive(): boolean {
    return this.#open && performance.now() < this.#liveness.provenUntil;
  }

  /** Unix milliseconds until which its deliveries are surely not delivered to others. Moves on while the broker replies. */
  get expiresAt(): number {
    return Date.now() + Math.floor(this.#liveness.provenUntil - performance.now());
  }

  /**
   * Makes the lease last as long as the connection is proven by now. Returns its end, in Unix milliseconds. Call it when a call
   * returns the lease, and when the worker extends it.
   */
  renew(delivery: Delivery): number {
    delivery.leasedUntil = this.#liveness.provenUntil;
    return this.expiresAt;
  }

  /** How many messages the broker may still send. */
  get credit(): number {
    let sum = 0;
    for (const { credit } of this.#subscriptions) sum += credit;
    return sum;
  }

  /** How many deliveries are not settled. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** Lets the broker send `count` more messages. Rejects if the channel ends first. */
  async request(count: number): Promise<void> {
    // Subscriptions share what is delivered. A few with much credit cost the broker less than many with little.
    const open = this.#subscriptions.size;
    const credit = open < MANY_SUBSCRIPTIONS ? count : Math.max(count, MANY_SUBSCRIPTIONS * open);
    const subscription = { tag: `waybill-${nextTag++}`, credit: Math.min(credit, LARGEST_PREFETCH), alive: true };
    this.#subscriptions.add(subscription);
    // Both requests leave together, so that this subscription gets this prefetch.
    const prefetch = this.#channel.prefetch(subscription.credit);
    const receive = (message: ConsumeMessage | null): void => {
      if (message === null) {
        this.#end(subscription);
        return this.#events.cancelled();
      }
      subscription.credit -= 1;
      this.#events.delivered(this.#deliver(message, subscription));
    };
    try {
      await Promise.all([prefetch, this.#channel.consume(this.#queue, receive, { consumerTag: subscription.tag })]);
    } catch (thrown) {
      this.#end(subscription);
      throw thrown;
    }
  }

  /** Ends all subscriptions. Once it resolves no more messages arrive; existing deliveries stay valid. Never rejects. */
  async stop(): Promise<void> {
    await this.#drain().catch(() => undefined);
    const open = [...this.#subscriptions];
    for (const subscription of open) this.#end(subscription);
    await Promise.allSettled(open.map(({ tag }) => this.#channel.cancel(tag)));
  }

  /** Returns one message, or null when the queue is empty. */
  async get(): Promise<Delivery | null> {
    const message = await this.#channel.get(this.#queue);
    return message === false ? null : this.#deliver(message, null);
  }

  /**
   * Removes the messages. Resolves once the broker has processed it; rejects when the channel ends first. Jobs end in
   * about the order of their tags, so that one ack often covers a tag and all before it.
   */
  async ack(deliveries: readonly Delivery[]): Promise<void> {
    this.#lastAckAt = performance.now();
    const acked = new Map(deliveries.map((delivery) => [tagOf(delivery), delivery]));
    const last = this.#lastOfOldest(acked);
    if (last !== null) this.#channel.ack(last.message, true);
    for (const [tag, delivery] of acked) {
      if (last === null || tag > tagOf(last)) this.#channel.ack(delivery.message);
      this.#settled(delivery);
    }
    return this.confirm();
  }

  /** Returns the message to its place in the queue. Quorum queues count that as one more lost delivery. */
  requeue(delivery: Delivery): void {
    this.#channel.nack(delivery.message, false, true);
    this.#settled(delivery);
  }

  /**
   * Resolves once the broker has processed everything that was sent on the channel before the call; rejects when the
   * channel ends first. Calls during one request share the next one.
   */
  confirm(): Promise<void> {
    if (this.#confirming === null) return (this.#confirming = this.#askConfirm());
    const ask = (): Promise<void> => this.#askConfirm();
    this.#nextConfirm ??= this.#confirming.then(ask, ask);
    return this.#nextConfirm;
  }

  /** Closes the channel, which releases unsettled deliveries to the queue. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#expiryCheck);
    await sleep(Math.max(0, this.#lastAckAt + AFTER_ACK_MS - performance.now()));
    await this.#channel.close();
  }

  #deliver(message: ConsumeMessage | GetMessage, subscription: Subscription | null): Delivery {
    const delivery: Delivery = { message, consumer: this, subscription, state: "leased", leasedUntil: Infinity };
    const newest = this.#newestTag;
    this.#newestTag = Math.max(newest, tagOf(delivery));
    this.#unsettled.set(tagOf(delivery), delivery);
    if (tagOf(delivery) < newest) this.#sort();
    return delivery;
  }

  /** The reply to `get` comes a turn later than deliveries that the broker sent after it. One ack must not cover it unseen. */
  #sort(): void {
    const sorted = [...this.#unsettled].sort(([one], [other]) => one - other);
    this.#unsettled.clear();
    for (const [tag, delivery] of sorted) this.#unsettled.set(tag, delivery);
  }

  /**
   * Requeues what the worker has not extended in time: it counts such a lease as lost, and the broker would keep the message
   * from other workers for as long as the connection lives. A channel that is closing throws, and its end requeues them.
   */
  #requeueExpired(): void {
    const until = performance.now() - AFTER_EXPIRY_MS;
    try {
      for (const delivery of this.#unsettled.values()) {
        if (delivery.state === "leased" && delivery.leasedUntil < until) this.requeue(delivery);
      }
    } catch {
      // Looked at again, unless the channel has ended by then.
    }
  }

  #settled(delivery: Delivery): void {
    this.#unsettled.delete(tagOf(delivery));
    delivery.state = "settled";
    if (delivery.subscription?.alive) delivery.subscription.credit += 1;
  }

  #end(subscription: Subscription): void {
    subscription.alive = false;
    this.#subscriptions.delete(subscription);
  }

  /**
   * Waits for messages on their way: a quorum queue counts them as lost when the subscription is cancelled first
   * (measured on 3.10). There are none once the queue is empty or the credit is used up.
   */
  async #drain(): Promise<void> {
    for (const until = performance.now() + DRAIN_MS; performance.now() < until; await sleep(BETWEEN_CHECKS_MS)) {
      const before = this.credit;
      if (before === 0) return;
      // The reply arrives after everything that the queue sent before it.
      const { messageCount } = await this.#channel.checkQueue(this.#queue);
      if (messageCount === 0 && this.credit === before) return;
    }
  }

  /** Returns the newest delivery of those in `acked` that are older than all others; null when the oldest is another. */
  #lastOfOldest(acked: ReadonlyMap<number, Delivery>): Delivery | null {
    let last: Delivery | null = null;
    for (const tag of this.#unsettled.keys()) {
      const delivery = acked.get(tag);
      if (delivery === undefined) break;
      last = delivery;
    }
    return last;
  }

  async #askConfirm(): Promise<void> {
    try {
      // The cheapest request. It changes nothing, since each subscription sets its own prefetch.
      await this.#channel.prefetch(1);
    } finally {
      this.#confirming = this.#nextConfirm;
      this.#nextConfirm = null;
    }
  }
}

/** Returns the delivery of a lease; null once it was settled, its channel has ended, or the lease is another backend's. */
export function deliveryOf({ token }: Lease): Delivery | null {
  if (typeof token !== "object" || token === null || !("consumer" in token)) return null;
  const delivery = token as Delivery;
  return delivery.consumer.alive && delivery.state === "leased" ? delivery : null;
}
