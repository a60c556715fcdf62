import type { DeadLetter, DeadLetterQuery, Inspector, QueueCounts } from "@waybill/core";
import type { Channel, GetMessage } from "amqplib";
import { choose, deadLetterOf } from "./dead-letter.ts";
import { isQueueName, textOf } from "@waybill/core/backend";
import { LINGER_MS } from "./intake.ts";
import { isMissing } from "./errors.ts";
import { FRESH, header, headersOf, propertiesOf, signatureOf } from "./label.ts";
import { RUNG_COUNT } from "./ladder.ts";
import type { Settings } from "./options.ts";
import type { Reading } from "./reading.ts";
import type { Sender } from "./sender.ts";
import { names } from "./topology.ts";

export interface InspectorSettings {
  readonly reading: Reading;
  readonly sender: Sender;
  readonly settings: Settings;
  /** Queues this connection has used: AMQP cannot list those of others. */
  readonly known: ReadonlySet<string>;
  /** Throws BACKEND_CLOSED. */
  readonly ensureOpen: () => void;
}

interface Found {
  readonly message: GetMessage;
  readonly letter: DeadLetter;
}

/** Dead letters are looked at by taking all of them out and putting them back; of more than this, the oldest. */
const MOST = 20_000;

export function createInspector({ reading, sender, settings, known, ensureOpen }: InspectorSettings): Inspector {
  const { prefix } = settings;
  let last: Promise<unknown> = Promise.resolve();

  /** One look at a time: what one look has taken out, another would not find. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    ensureOpen();
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const { model, setup } = await reading.link.session();
    await setup.dead();
    const channel = await model.createChannel();
    channel.on("error", () => undefined);
    try {
      return await work(channel);
    } finally {
      // Whatever was not acked goes back to its place.
      await channel.close().catch(() => undefined);
    }
  }

  async function takeOut(channel: Channel): Promise<Found[]> {
    const found: Found[] = [];
    while (found.length < MOST) {
      const message = await channel.get(names.dead(prefix));
      if (message === false) break;
      found.push({ message, letter: deadLetterOf(message, prefix) });
    }
    return found;
  }

  /** Oldest first. `store` is done before the dead letter is removed; for null it stays. */
  function change(query: DeadLetterQuery, store: (found: Found) => Promise<void> | null): Promise<number> {
    return inTurn(() =>
      withChannel(async (channel) => {
        let changed = 0;
        for (const found of choose(await takeOut(channel), query).toReversed()) {
          const stored = store(found);
          if (stored === null) continue;
          await stored;
          channel.ack(found.message);
          changed += 1;
        }
        // A channel that closes at once may take acks with it, and what was dropped would be there again.
        if (changed > 0) await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
        return changed;
      }),
    );
  }

  /** Null for a letter that names no queue: nothing is declared by a name out of a header. */
  function sendAgain({ message, letter }: Found): Promise<void> | null {
    if (letter.damage !== undefined) return null;
    const given = message.properties.headers ?? {};
    const beside = { tenant: textOf(given[header.tenant]), signature: signatureOf(given) };
    return sender.again(letter.queue, message.content, propertiesOf(letter, headersOf(beside, FRESH)), 0);
  }

  async function ready(channel: Channel, name: string): Promise<number> {
    return (await channel.checkQueue(name)).messageCount;
  }

  /** A queue that nobody has made yet holds nothing; asking for it costs the channel. */
  function waiting(queue: string): Promise<Pick<QueueCounts, "ready" | "workers">> {
    return withChannel(async (channel) => {
      const { messageCount, consumerCount } = await channel.checkQueue(names.work(prefix, queue));
      return { ready: messageCount, workers: consumerCount };
    }).catch((thrown: unknown) => {
      if (isMissing(thrown)) return { ready: 0 };
      throw thrown;
    });
  }

  /** Rungs are made upwards, as far as delays reached so far: the first that is missing costs the channel and ends the sum. */
  function delayed(): Promise<number> {
    return withChannel(async (channel) => {
      let sum = 0;
      try {
        for (let rung = 0; rung < RUNG_COUNT; rung += 1) sum += await ready(channel, names.rung(prefix, rung));
      } catch (thrown) {
        if (!isMissing(thrown)) throw thrown;
      }
      return sum;
    });
  }

  return {
    counts: (named = []) =>
      inTurn(async () => {
        const dead = new Map<string, number>();
        const rows = await withChannel(async (channel) => {
          for (const { letter } of await takeOut(channel)) dead.set(letter.queue, (dead.get(letter.queue) ?? 0) + 1);
          const list: QueueCounts[] = [];
          for (const queue of new Set([...known, ...named, ...dead.keys()])) {
            const counted = { leased: reading.held(queue), dead: dead.get(queue) ?? 0 };
            // Dead letters that name no queue of ours stand under "".
            const waits = isQueueName(queue) ? await waiting(queue) : {};
            list.push({ ...empty(queue), ...waits, ...counted });
          }
          return list;
        });
        const resting = await delayed();
        if (resting > 0) rows.push({ ...empty(`${prefix}:wait`), delayed: resting });
        return rows.toSorted((a, b) => (a.queue < b.queue ? -1 : 1));
      }),
    deadLetters: (query = {}) =>
      inTurn(() => withChannel(async (channel) => choose(await takeOut(channel), query).map(({ letter }) => letter))),
    replay: (query = {}) => change(query, sendAgain),
    drop: (query = {}) => change(query, async () => undefined),
  };
}

const empty = (queue: string): QueueCounts => ({
  queue,
  ready: 0,
  delayed: 0,
  leased: 0,
  dead: 0,
  finished: 0,
  oldestWaitMs: null,
});
