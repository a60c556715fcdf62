import { setTimeout as sleep } from "node:timers/promises";
import type { DeadLetterRecord, DeadLetterQuery, Inspector, QueueCounts } from "@waybill/core";
import { isQueueName, matchDeadLetters, textOf } from "@waybill/core/backend";
import type { Channel, GetMessage } from "amqplib";
import { AFTER_ACK_MS } from "./connection/consumer.ts";
import type { Writer } from "./enqueue.ts";
import { isMissing } from "./errors.ts";
import type { Leases } from "./lease.ts";
import { deadLetterOf } from "./message/dead-letter.ts";
import { header, headersOf, INITIAL, propertiesOf, signatureOf } from "./message/label.ts";
import { LEVEL_COUNT } from "./topology/delay-levels.ts";
import { names } from "./topology/topology.ts";

export interface InspectorSettings {
  readonly leases: Leases;
  readonly writer: Writer;
  readonly prefix: string;
  /** Queues that this connection has used. AMQP cannot list queues. */
  readonly usedQueues: ReadonlySet<string>;
  /** Throws BACKEND_CLOSED. */
  readonly assertOpen: () => void;
}

interface Found {
  readonly message: GetMessage;
  readonly letter: DeadLetterRecord;
}

/** A listing gets all dead letters and requeues them. Of more than this many it sees the oldest. */
const MOST_LETTERS = 20_000;

export function createInspector({ leases, writer, prefix, usedQueues, assertOpen }: InspectorSettings): Inspector {
  let previous: Promise<unknown> = Promise.resolve();

  /** Runs one call at a time, since a call does not see the dead letters that another has got. */
  async function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    assertOpen();
    const current = previous.then(work);
    previous = current.catch(() => undefined);
    return current;
  }

  async function withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const { model, declarations } = await leases.connection.session();
    await declarations.deadLetterQueue();
    const channel = await model.createChannel();
    channel.on("error", () => undefined);
    try {
      return await work(channel);
    } finally {
      // Requeues messages that were not acked.
      await channel.close().catch(() => undefined);
    }
  }

  async function getAll(channel: Channel): Promise<Found[]> {
    const found: Found[] = [];
    while (found.length < MOST_LETTERS) {
      const message = await channel.get(names.deadLetterQueue(prefix));
      if (message === false) break;
      found.push({ message, letter: deadLetterOf(message, prefix) });
    }
    return found;
  }

  /** Returns the dead letters of a query, newest first. */
  async function select(channel: Channel, query: DeadLetterQuery): Promise<Found[]> {
    const matches = matchDeadLetters(query);
    return (await getAll(channel))
      .filter(({ letter }) => matches(letter))
      .toSorted((a, b) => (b.letter.diedAt ?? 0) - (a.letter.diedAt ?? 0))
      .slice(0, query.limit ?? 100);
  }

  /** Removes dead letters, oldest first, each after `store` has resolved. Those for which it returns null stay. */
  function change(query: DeadLetterQuery, store: (found: Found) => Promise<void> | null): Promise<number> {
    const work = async (channel: Channel): Promise<number> => {
      let changed = 0;
      for (const found of (await select(channel, query)).toReversed()) {
        const stored = store(found);
        if (stored === null) continue;
        await stored;
        channel.ack(found.message);
        changed += 1;
      }
      // A channel that closes at once may lose acks, and removed dead letters would be back.
      if (changed > 0) await sleep(AFTER_ACK_MS);
      return changed;
    };
    return oneAtATime(() => withChannel(work));
  }

  /** Returns null for a dead letter without a queue. Nothing is declared by a name from a header. */
  function enqueueAgain({ message, letter }: Found): Promise<void> | null {
    if (letter.damage !== undefined) return null;
    const headers = message.properties.headers ?? {};
    const label = { tenant: textOf(headers[header.tenant]), signature: signatureOf(headers) };
    return writer.copy(letter.queue, message.content, propertiesOf(letter, headersOf(label, INITIAL)), 0);
  }

  /** Returns the counts of a queue on the broker; null when it is not declared, which closes the channel. */
  async function check(
    name: string,
  ): Promise<{ readonly messageCount: number; readonly consumerCount: number } | null> {
    return withChannel((channel) => channel.checkQueue(name)).catch((thrown: unknown) => {
      if (isMissing(thrown)) return null;
      throw thrown;
    });
  }

  /** Levels are declared upwards, as far as delays have needed them: the first missing one closes the channel. */
  function delayed(): Promise<number> {
    return withChannel(async (channel) => {
      let sum = 0;
      try {
        for (let level = 0; level < LEVEL_COUNT; level += 1) {
          sum += (await channel.checkQueue(names.waitQueue(prefix, level))).messageCount;
        }
      } catch (thrown) {
        if (!isMissing(thrown)) throw thrown;
      }
      return sum;
    });
  }

  async function countDead(channel: Channel): Promise<Map<string, number>> {
    const dead = new Map<string, number>();
    for (const { letter } of await getAll(channel)) dead.set(letter.queue, (dead.get(letter.queue) ?? 0) + 1);
    return dead;
  }

  async function countQueue(queue: string, dead: number): Promise<QueueCounts> {
    // Dead letters without a queue are counted under "".
    const found = isQueueName(queue) ? await check(names.workQueue(prefix, queue)) : null;
    const workers = found === null ? {} : { workers: found.consumerCount };
    return { ...EMPTY, queue, ready: found?.messageCount ?? 0, ...workers, leased: leases.inFlight(queue), dead };
  }

  return {
    counts: (named = []) =>
      oneAtATime(async () => {
        const dead = await withChannel(countDead);
        const rows: QueueCounts[] = [];
        for (const queue of new Set([...usedQueues, ...named, ...dead.keys()])) {
          rows.push(await countQueue(queue, dead.get(queue) ?? 0));
        }
        const waiting = await delayed();
        if (waiting > 0) rows.push({ ...EMPTY, queue: `${prefix}:wait`, delayed: waiting });
        return rows.toSorted((a, b) => (a.queue < b.queue ? -1 : 1));
      }),
    deadLetters: (query = {}) =>
      oneAtATime(() => withChannel(async (channel) => (await select(channel, query)).map(({ letter }) => letter))),
    replay: (query = {}) => change(query, enqueueAgain),
    drop: (query = {}) => change(query, async () => undefined),
  };
}

const EMPTY = { ready: 0, delayed: 0, leased: 0, dead: 0, finished: 0, oldestWaitMs: null } as const;
