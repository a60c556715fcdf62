import { QueueKeys } from "bullmq";

/** Waybill's own Redis keys, beside those of BullMQ under the same prefix. */
export interface Keys {
  readonly prefix: string;
  /** A set of the queues that were ever used, since Redis cannot list them cheaply. */
  readonly queues: string;
  /** A sorted set of the workers' ids, by the Unix milliseconds at which they count as dead. */
  readonly workers: string;
  /** A hash: when each worker announced itself, and its facts. */
  readonly facts: string;
  /** Written before replicas are waited for, so that there is a write for them to confirm. Expires. */
  readonly replicated: string;
  /** What the ledger consists of; see `ledger-lua.ts`. No key of a queue has such a name, since each has one more colon. */
  readonly ledger: Readonly<Record<"records" | "byKey" | "byDue" | "byExpiry", string>>;
  /** Which job has each unique key, and the keys that are taken for a time; see `unique-keys.ts`. */
  readonly owners: readonly [owners: string, timed: string];
  /** The records of a scope; see `records-lua.ts`. No queue has a name with "_". */
  records(scope: string): string;
  /** A list into which programs in other languages LPUSH. */
  inbox(queue: string): string;
  /** A list of the entries that one process has moved and not yet stored. */
  processing(queue: string, processId: string): string;
  /** Exists while that process lives, and expires by itself. */
  alive(queue: string, processId: string): string;
  /** A set of the processes that may have a processing list. */
  drainers(queue: string): string;
  /** A list of the entries that are no job, newest first, each with its code. */
  rejected(queue: string): string;
}

/** The keys under a prefix. */
export function keysOf(prefix: string): Keys {
  const inbox = (queue: string): string => `${prefix}:inbox:${queue}`;
  return {
    prefix,
    queues: `${prefix}:queues`,
    workers: `${prefix}:workers`,
    facts: `${prefix}:worker-facts`,
    replicated: `${prefix}:replicated`,
    ledger: {
      records: `${prefix}:ledger`,
      byKey: `${prefix}:ledger-by-key`,
      byDue: `${prefix}:ledger-by-due`,
      byExpiry: `${prefix}:ledger-by-expiry`,
    },
    owners: [`${prefix}:unique`, `${prefix}:unique-timed`],
    records: (scope) => (scope === "" ? `${prefix}:_records` : `${prefix}:_records_of:${scope}`),
    inbox,
    processing: (queue, processId) => `${inbox(queue)}:processing:${processId}`,
    alive: (queue, processId) => `${inbox(queue)}:alive:${processId}`,
    drainers: (queue) => `${inbox(queue)}:drainers`,
    rejected: (queue) => `${inbox(queue)}:rejected`,
  };
}

/** BullMQ's name for a queue is the queue's own; "inbox" gets another, because its keys would be the inboxes of other queues. */
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
