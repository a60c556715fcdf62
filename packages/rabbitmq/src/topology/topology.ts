import type { Channel, Options } from "amqplib";
import type { Settings } from "../options.ts";
import { levelMs, levelPattern, queuePattern } from "./delay-levels.ts";

/** A queue, or an exchange with its bindings. */
export interface Declarable {
  readonly name: string;
  declare(channel: Channel): Promise<unknown>;
  /** Rejects if it does not exist. */
  check(channel: Channel): Promise<unknown>;
}

/** Names on the broker under one prefix. A queue's name has no ":", so work queues never collide with the others. */
export const names = {
  workQueue: (prefix: string, queue: string): string => `${prefix}.${queue}`,
  deadLetterQueue: (prefix: string): string => `${prefix}:dead`,
  /** The queue in which messages wait on a delay level. */
  waitQueue: (prefix: string, level: number): string => `${prefix}:wait-${levelMs(level)}ms`,
  /** The exchange for messages that wait on this level or a shorter one. */
  levelExchange: (prefix: string, level: number): string => `${prefix}:level-${levelMs(level)}ms`,
  /** The exchange for messages whose delay is over. */
  dueExchange: (prefix: string): string => `${prefix}:due`,
};

/** Returns the logical queue of a work queue, or null for any other name. */
export const queueOf = (name: string, prefix: string): string | null =>
  name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : null;

/** Each listing requeues all dead letters, and each requeue counts as a delivery. */
const NO_DELIVERY_LIMIT = 1_000_000_000;

export function workQueue(settings: Settings, queue: string): Declarable[] {
  const { prefix, deliveryLimit } = settings;
  const name = names.workQueue(prefix, queue);
  const due = names.dueExchange(prefix);
  const deadLetters = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": names.deadLetterQueue(prefix) };
  return [
    durableQueue(settings, name, { "x-delivery-limit": deliveryLimit, ...AT_LEAST_ONCE }, deadLetters),
    topicExchange(due, (channel) => channel.bindQueue(name, due, queuePattern(queue))),
  ];
}

export const deadLetterQueue = (settings: Settings): Declarable[] => [
  durableQueue(settings, names.deadLetterQueue(settings.prefix), { "x-delivery-limit": NO_DELIVERY_LIMIT }),
];

/** The wait queue and the exchange of a level. The next shorter level must exist. */
export function delayLevel(settings: Settings, level: number): Declarable[] {
  const { prefix } = settings;
  const wait = names.waitQueue(prefix, level);
  const exchange = names.levelExchange(prefix, level);
  const next = level === 0 ? names.dueExchange(prefix) : names.levelExchange(prefix, level - 1);
  return [
    durableQueue(settings, wait, AT_LEAST_ONCE, { "x-message-ttl": levelMs(level), "x-dead-letter-exchange": next }),
    topicExchange(exchange, async (channel) => {
      await channel.bindQueue(wait, exchange, levelPattern(level, "1"));
      await channel.bindExchange(next, exchange, levelPattern(level, "0"));
    }),
  ];
}

/** By default a broker dead-letters without confirms and may lose messages. With these it stores, then removes. */
const AT_LEAST_ONCE = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

function durableQueue({ queueType }: Settings, name: string, ofQuorum: object, ofBoth: object = {}): Declarable {
  const args = { "x-queue-type": queueType, ...(queueType === "quorum" && ofQuorum), ...ofBoth };
  const options: Options.AssertQueue = { durable: true, arguments: args };
  return {
    name,
    declare: (channel) => channel.assertQueue(name, options),
    check: (channel) => channel.checkQueue(name),
  };
}

function topicExchange(name: string, bind: (channel: Channel) => Promise<unknown>): Declarable {
  return {
    name,
    async declare(channel) {
      await channel.assertExchange(name, "topic", { durable: true });
      await bind(channel);
    },
    check: (channel) => channel.checkExchange(name),
  };
}
