import { QueueKeys } from "bullmq";

/** Redis keys of ours, beside those of BullMQ under the same prefix. */
export interface Keys {
  readonly prefix: string;
  /** A set of the queues anybody has used, since Redis cannot list them cheaply. */
  readonly queues: string;
  /** A sorted set of the workers' ids, by the Unix milliseconds at which they will have been silent for too long. */
  readonly workers: string;
  /** A hash: when a worker was heard and what it said. */
  readonly facts: string;
  /** Where foreign producers LPUSH. */
  inbox(queue: string): string;
  /** Entries a drainer has taken and not yet stored. */
  processing(queue: string, drainer: string): string;
  /** There while the drainer lives; it expires by itself. */
  alive(queue: string, drainer: string): string;
  /** A set of the drainers that may have a processing list. */
  drainers(queue: string): string;
  /** Entries that are no job, newest first, each with its code. */
  rejected(queue: string): string;
}

export function keysOf(prefix: string): Keys {
  const inbox = (queue: string): string => `${prefix}:inbox:${queue}`;
  return {
    prefix,
    queues: `${prefix}:queues`,
    workers: `${prefix}:workers`,
    facts: `${prefix}:worker-facts`,
    inbox,
    processing: (queue, drainer) => `${inbox(queue)}:processing:${drainer}`,
    alive: (queue, drainer) => `${inbox(queue)}:alive:${drainer}`,
    drainers: (queue) => `${inbox(queue)}:drainers`,
    rejected: (queue) => `${inbox(queue)}:rejected`,
  };
}

/** BullMQ's name for a queue: its own, except that the keys of one called "inbox" would be the inboxes of others. */
export const bullmqName = (queue: string): string => (queue === "inbox" ? "inbox_" : queue);

/** Where BullMQ keeps the jobs of one queue. */
export function bullmqKeysOf(
  prefix: string,
  queue: string,
): { keys: ReturnType<QueueKeys["getKeys"]>; toKey: (type: string) => string } {
  const keys = new QueueKeys(prefix);
  const name = bullmqName(queue);
  return { keys: keys.getKeys(name), toKey: (type) => keys.toKey(name, type) };
}
