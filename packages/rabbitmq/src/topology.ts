import type { Channel, Options } from "amqplib";
import { arrivalPattern, rungMs, rungPattern } from "./ladder.ts";
import type { Settings } from "./options.ts";

/** A queue or an exchange with its bindings. */
export interface Declarable {
  readonly name: string;
  make(channel: Channel): Promise<unknown>;
  /** Rejects if it is not there. */
  look(channel: Channel): Promise<unknown>;
}

/** What exists on the broker under one prefix. A queue's name has no ":", so ours never meet. */
export const names = {
  work: (prefix: string, queue: string): string => `${prefix}.${queue}`,
  dead: (prefix: string): string => `${prefix}:dead`,
  /** A queue that holds each message for so long. */
  rung: (prefix: string, rung: number): string => `${prefix}:wait-${rungMs(rung)}ms`,
  /** Takes messages that rest on this rung or a shorter one. */
  level: (prefix: string, rung: number): string => `${prefix}:level-${rungMs(rung)}ms`,
  /** Takes messages whose time has come. */
  due: (prefix: string): string => `${prefix}:due`,
};

/** The logical queue behind a work queue's name; null for any other queue. */
export function queueOf(work: string, prefix: string): string | null {
  return work.startsWith(`${prefix}.`) ? work.slice(prefix.length + 1) : null;
}

/** Requeueing for a look counts as a delivery; a dead letter stays where it is however often somebody looks. */
const NEVER_LIMITED = 1_000_000_000;

export interface Topology {
  queue(queue: string): readonly Declarable[];
  dead(): readonly Declarable[];
  /** The shortest rest is rung 0. */
  rung(rung: number): readonly Declarable[];
}

export function createTopology({ prefix, queueType, deliveryLimit }: Settings): Topology {
  const common = { "x-queue-type": queueType };
  const limit = (deliveries: number) => (queueType === "quorum" ? { "x-delivery-limit": deliveries } : {});
  /** By default a broker dead-letters without confirms and loses; this way it stores before it removes. */
  const safely =
    queueType === "quorum" ? { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" } : {};

  const dead = durableQueue(names.dead(prefix), { ...common, ...limit(NEVER_LIMITED) });

  function work(queue: string): Declarable {
    return durableQueue(names.work(prefix, queue), {
      ...common,
      ...limit(deliveryLimit),
      ...safely,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": names.dead(prefix),
    });
  }

  function rung(rungNumber: number): Declarable {
    return durableQueue(names.rung(prefix, rungNumber), {
      ...common,
      ...safely,
      "x-message-ttl": rungMs(rungNumber),
      "x-dead-letter-exchange": below(prefix, rungNumber),
    });
  }

  return {
    dead: () => [dead],
    queue: (queue) => [
      work(queue),
      topicExchange(names.due(prefix), (channel) =>
        channel.bindQueue(names.work(prefix, queue), names.due(prefix), arrivalPattern(queue)),
      ),
    ],
    rung: (number) => [rung(number), level(prefix, number)],
  };
}

/** Where a message goes that has left a rung or passed it by. */
const below = (prefix: string, rung: number): string =>
  rung === 0 ? names.due(prefix) : names.level(prefix, rung - 1);

function level(prefix: string, rung: number): Declarable {
  const name = names.level(prefix, rung);
  return topicExchange(name, async (channel) => {
    await channel.bindQueue(names.rung(prefix, rung), name, rungPattern(rung, "1"));
    await channel.bindExchange(below(prefix, rung), name, rungPattern(rung, "0"));
  });
}

function durableQueue(name: string, args: Readonly<Record<string, unknown>>): Declarable {
  const options: Options.AssertQueue = { durable: true, arguments: args };
  return { name, make: (channel) => channel.assertQueue(name, options), look: (channel) => channel.checkQueue(name) };
}

function topicExchange(name: string, bind: (channel: Channel) => Promise<unknown>): Declarable {
  return {
    name,
    async make(channel) {
      await channel.assertExchange(name, "topic", { durable: true });
      await bind(channel);
    },
    look: (channel) => channel.checkExchange(name),
  };
}
