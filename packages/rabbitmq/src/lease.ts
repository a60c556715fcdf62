import {
  type Admit,
  createLeaseWaiters,
  type Lease,
  type LeaseRequest,
  type LeaseWaiters,
} from "@waybill/core/backend";
import { type Connection, createConnection, type Session } from "./connection/connection.ts";
import { Consumer, type Delivery, deliveryOf } from "./connection/consumer.ts";
import { readError } from "./errors.ts";
import { labelOf } from "./message/label.ts";
import type { Settings } from "./options.ts";
import type { Settle } from "./settle.ts";
import { names } from "./topology/topology.ts";

/** The connection that leases and settles, with one consumer per queue. It opens at the first `lease`. */
export interface Leases {
  readonly connection: Connection;
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** How many leases of the queue are returned and not settled. */
  inFlight(queue: string): number;
  /** Ends waiting calls with no leases. */
  dismiss(): void;
  /** Releases unused messages, then closes the channels, which releases unsettled leases, then the connection. */
  close(): Promise<void>;
}

const DEFAULT_HEARTBEAT_S = 10;

/** A delivered message that no call asks for within this time is released, since another worker may be idle. */
const UNUSED_MS = 1_000;

export interface LeaseSettings {
  readonly settings: Settings;
  readonly admit: Admit;
  readonly settle: Settle;
  readonly isClosed: () => boolean;
}

export function createLeases(given: LeaseSettings): Leases {
  let heartbeatS = DEFAULT_HEARTBEAT_S;
  const connection = createConnection(given.settings, () => heartbeatS, true);
  const queues = new Map<string, QueueLeases>();
  return {
    connection,
    async lease(request) {
      // The broker drops a worker that hangs after two to three heartbeats, so within its lease.
      if (queues.size === 0) heartbeatS = Math.max(1, Math.floor(request.leaseMs / 3_000));
      const leases = queues.get(request.queue) ?? new QueueLeases(request.queue, connection, given);
      queues.set(request.queue, leases);
      return leases.lease(request);
    },
    inFlight: (queue) => queues.get(queue)?.inFlight ?? 0,
    dismiss() {
      for (const { waiters } of queues.values()) waiters.dismiss();
    },
    async close() {
      await Promise.allSettled([...queues.values()].map((leases) => leases.close()));
      await connection.close();
    },
  };
}

/** The leases of one queue: calls that wait, and messages that were delivered before a call returned them. */
class QueueLeases {
  readonly waiters: LeaseWaiters = createLeaseWaiters(() => this.#releaseLater());
  readonly #queue: string;
  /** The queue's name on the broker. */
  readonly #name: string;
  readonly #connection: Connection;
  readonly #given: LeaseSettings;
  #consumer: Consumer | null = null;
  #opening: Promise<Consumer> | null = null;
  #unused: Lease[] = [];
  #serving = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(queue: string, connection: Connection, given: LeaseSettings) {
    this.#queue = queue;
    this.#name = names.workQueue(given.settings.prefix, queue);
    this.#connection = connection;
    this.#given = given;
  }

  get inFlight(): number {
    return (this.#consumer?.unsettled ?? 0) - this.#unused.length;
  }

  async lease(request: LeaseRequest): Promise<Lease[]> {
    const { signal, limit, waitMs } = request;
    if (signal.aborted) return [];
    const consumer = this.#consumer ?? (await this.#untilAborted(this.#open(), signal));
    if (consumer === null || this.#given.isClosed() || signal.aborted) return [];
    if (this.#unused.length > 0) return this.#take(limit);
    if (waitMs <= 0) return this.#get(consumer, limit);
    const { leases } = this.waiters.wait(request);
    this.#request();
    return leases;
  }

  async close(): Promise<void> {
    await this.#releaseUnused();
    await (this.#consumer ?? (await this.#opening?.catch(() => null)))?.close();
  }

  #open(): Promise<Consumer> {
    this.#opening ??= this.#createConsumer().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #createConsumer(): Promise<Consumer> {
    const session = await this.#connection.session();
    await session.declarations.queue(this.#queue);
    const channel = await session.model.createChannel();
    const consumer: Consumer = new Consumer(channel, this.#name, session.liveness, {
      delivered: (delivery) => this.#add(this.#leaseOf(delivery)),
      cancelled: () => {
        session.declarations.forget(this.#queue);
        session.declarations.queue(this.#queue).then(
          () => this.#request(),
          (error: unknown) => this.waiters.reject(error),
        );
      },
      ended: (error) => this.#ended(session, error),
    });
    if (this.#given.isClosed()) await consumer.close();
    else this.#consumer = consumer;
    return consumer;
  }

  #leaseOf(delivery: Delivery): Lease {
    const { settings, admit } = this.#given;
    const label = labelOf(delivery.message, this.#queue, settings.queueType === "quorum", admit);
    return { ...label, expiresAt: delivery.consumer.expiresAt, token: delivery };
  }

  #ended(session: Session, error: Error | null): void {
    // The queue may be deleted, so the next consumer declares it again.
    session.declarations.forget(this.#queue);
    if (this.#consumer?.alive === false) this.#consumer = null;
    this.#unused = this.#unused.filter((lease) => deliveryOf(lease) !== null);
    this.waiters.reject(readError(error, this.#name));
  }

  /** Lets the broker send what calls wait for, and no more: no other worker can run a delivered message. */
  #request(): void {
    if (this.#consumer === null) return;
    const missing = this.waiters.wanted() - this.#consumer.credit - this.#unused.length;
    if (missing <= 0) return;
    this.#consumer.request(missing).catch((thrown: unknown) => this.waiters.reject(readError(thrown, this.#name)));
  }

  #add(lease: Lease): void {
    this.#unused.push(lease);
    if (this.#serving) return;
    this.#serving = true;
    // At the end of this turn, so that all messages of one read from the socket are shared out together.
    queueMicrotask(() => {
      this.#serving = false;
      this.waiters.serve(({ limit }) => this.#take(limit));
      this.#releaseLater();
    });
  }

  #take(limit: number): Lease[] {
    return this.#unused.splice(0, limit).map(renewed);
  }

  async #get(consumer: Consumer, limit: number): Promise<Lease[]> {
    const found: Lease[] = this.#take(limit);
    while (found.length < limit) {
      const delivery = await consumer.get();
      if (delivery === null) break;
      found.push(renewed(this.#leaseOf(delivery)));
    }
    return found;
  }

  #releaseLater(): void {
    const unused = this.#unused.length > 0 || (this.#consumer?.credit ?? 0) > 0;
    if (this.waiters.size > 0 || !unused || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.waiters.size === 0) void this.#releaseUnused();
    }, UNUSED_MS).unref();
  }

  /** Ends the subscriptions and releases the messages that no call has returned. Never rejects. */
  async #releaseUnused(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#consumer?.stop();
    const unused = this.#unused.splice(0);
    // Calls that came meanwhile counted on the ended subscriptions.
    this.#request();
    await Promise.all(unused.map((lease) => this.#given.settle.release(lease)));
  }

  #untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const stop = (): void => resolve(null);
      signal.addEventListener("abort", stop, { once: true });
      work
        .then(resolve, (thrown: unknown) => reject(readError(thrown, this.#name)))
        .finally(() => signal.removeEventListener("abort", stop));
    });
  }
}

/** Returns the lease as of now, when a call returns it: it may have waited since it was delivered. */
function renewed(lease: Lease): Lease {
  const delivery = lease.token as Delivery;
  return { ...lease, expiresAt: delivery.consumer.renew(delivery) };
}
