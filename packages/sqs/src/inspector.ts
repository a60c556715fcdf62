import { GetQueueAttributesCommand, ListQueuesCommand } from "@aws-sdk/client-sqs";
import { type DeadLetterQuery, type Inspector, type QueueCounts, WaybillError } from "@waybill/core";
import type { Batches, Outgoing } from "./client/batches.ts";
import type { Send } from "./client/client.ts";
import { sqsError } from "./errors.ts";
import { groupOf } from "./message/label.ts";
import type { Settings } from "./options.ts";
import type { DeadLetters, Letter } from "./queues/dead-letters.ts";
import { queueOf, type Queues } from "./queues/queues.ts";

export interface InspectorSettings {
  readonly send: Send;
  readonly batches: Batches;
  readonly queues: Queues;
  readonly deadLetters: DeadLetters;
  readonly settings: Settings;
  /** Throws BACKEND_CLOSED. */
  readonly assertOpen: () => void;
}

interface Change {
  readonly gone: ReadonlySet<Letter>;
  /** One for each letter that is not gone although it has no damage. */
  readonly errors: readonly WaybillError[];
}

/** The counts are SQS's own and approximate. SQS does not say how long a message has waited: `oldestWaitMs` is null. */
export function createInspector(given: InspectorSettings): Inspector {
  const { send, batches, queues, deadLetters, settings, assertOpen } = given;

  async function countsOf(url: string): Promise<Record<string, number>> {
    const { Attributes = {} } = await send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }));
    return Object.fromEntries(Object.entries(Attributes).map(([name, value]) => [name, Number(value)]));
  }

  async function countQueue(queue: string, url: string | null, dead: number): Promise<QueueCounts> {
    const unreadable: string[] = [];
    const counts: Readonly<Record<string, number>> =
      url === null
        ? {}
        : await countsOf(url).catch((thrown: unknown) => {
            unreadable.push(sqsError(thrown, `counting the messages of "${queue}"`).message);
            return {};
          });
    return {
      ...(unreadable.length > 0 && { unreadable }),
      queue,
      ready: counts["ApproximateNumberOfMessages"] ?? 0,
      delayed: counts["ApproximateNumberOfMessagesDelayed"] ?? 0,
      leased: counts["ApproximateNumberOfMessagesNotVisible"] ?? 0,
      dead,
      finished: 0,
      oldestWaitMs: null,
    };
  }

  /** Counts dead letters by queue. Receives none from an empty queue, since that takes a second and hides what it finds. */
  async function countDead(): Promise<ReadonlyMap<string, number>> {
    const dead = new Map<string, number>();
    if ((await countsOf(queues.dead.url))["ApproximateNumberOfMessages"] === 0) return dead;
    return deadLetters.use(null, async (letters) => {
      for (const { record } of letters) dead.set(record.queue, (dead.get(record.queue) ?? 0) + 1);
      return { gone: NONE, value: dead };
    });
  }

  /** Stores each letter in its queue, then removes it. One that could not be stored stays. */
  async function enqueueAgain(letters: readonly Letter[]): Promise<Change> {
    const stored: Letter[] = [];
    const errors: WaybillError[] = [];
    // No queue is created or used by a name that only an attribute has.
    const sound = letters.filter(({ record }) => record.damage === undefined);
    for (const name of new Set(sound.map(({ record }) => record.queue))) {
      const own = sound.filter(({ record }) => record.queue === name).toReversed();
      const queue = await queues.find(name).catch((thrown: unknown) => sqsError(thrown, `finding the queue "${name}"`));
      // Oldest first and one request at a time, to keep the order.
      for (const some of inTens(own)) {
        const results = await Promise.all(
          some.map((letter) =>
            queue instanceof WaybillError
              ? ({ ok: false, error: queue } as const)
              : batches.send(queue.url, revived(letter, settings.fifo)),
          ),
        );
        stored.push(...some.filter((_, index) => results[index]?.ok));
        errors.push(...results.flatMap((result) => (result.ok ? [] : [result.error])));
      }
    }
    const removed = await remove(stored);
    return { gone: removed.gone, errors: [...errors, ...removed.errors] };
  }

  async function remove(letters: readonly Letter[]): Promise<Change> {
    const results = await Promise.all(
      letters.map(({ record, handle }) => batches.remove(queues.dead.url, { job: record.id, handle })),
    );
    return {
      gone: new Set(letters.filter((_, index) => results[index]?.ok)),
      errors: results.flatMap((result) => (result.ok ? [] : [result.error])),
    };
  }

  /** Returns how many letters are gone. Rejects with the first error after all others were tried. */
  async function change(
    did: string,
    query: DeadLetterQuery,
    act: (letters: readonly Letter[]) => Promise<Change>,
  ): Promise<number> {
    assertOpen();
    const { gone, errors } = await deadLetters.use(query, async (letters) => {
      const value = await act(letters);
      return { gone: value.gone, value, did: `${value.gone.size} dead letters were ${did}` };
    });
    const [first] = errors;
    if (first === undefined) return gone.size;
    const text = `${gone.size} dead letters were ${did}, ${errors.length} were not: ${first.message}`;
    throw new WaybillError(first.code, text, { cause: first });
  }

  return {
    async counts() {
      assertOpen();
      try {
        const [found, dead] = await Promise.all([listQueues(send, settings), countDead()]);
        const urls = new Map<string, string | null>([
          ...[...dead.keys()].map((queue) => [queue, null] as const),
          ...found,
        ]);
        const counts = await Promise.all([...urls].map(([queue, url]) => countQueue(queue, url, dead.get(queue) ?? 0)));
        return counts
          .filter((one) => one.ready + one.delayed + one.leased + one.dead > 0 || one.unreadable !== undefined)
          .sort((one, other) => (one.queue < other.queue ? -1 : 1));
      } catch (thrown) {
        throw sqsError(thrown, "counting messages");
      }
    },
    async deadLetters(query = {}) {
      assertOpen();
      return deadLetters.use(query, async (letters) => ({ gone: NONE, value: letters.map(({ record }) => record) }));
    },
    replay: (query = {}) => change("replayed", query, enqueueAgain),
    drop: (query = {}) => change("dropped", query, remove),
  };
}

const NONE: ReadonlySet<Letter> = new Set();

function inTens<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / 10) }, (_, index) => all.slice(index * 10, index * 10 + 10));
}

/** Returns the queues of the prefix and type, as name and URL. */
async function listQueues(send: Send, { prefix, fifo }: Settings): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  let token: string | undefined;
  do {
    const page = new ListQueuesCommand({ QueueNamePrefix: `${prefix}-`, MaxResults: 1_000, NextToken: token });
    const { QueueUrls = [], NextToken } = await send(page);
    for (const url of QueueUrls) {
      const name = url.split("/").at(-1) ?? "";
      const queue = queueOf(prefix, name);
      if (queue !== null && name.endsWith(".fifo") === fifo) found.push([queue, url]);
    }
    token = NextToken;
  } while (token !== undefined);
  return found;
}

/** Returns the message of a letter as it was enqueued first, with initial counts. */
function revived({ record, messageId, text, attributes, label }: Letter, fifo: boolean): Outgoing {
  const kept = Object.entries(attributes).filter(
    ([name]) => !/^waybill-(delivery|queue|code|error|reason)$/.test(name),
  );
  const group = label === null ? messageId : groupOf(label);
  return {
    job: record.id,
    text,
    attributes: Object.fromEntries(kept),
    delaySeconds: 0,
    group: fifo || (label !== null && label.tenant !== null) ? group : null,
    dedupe: fifo ? messageId : null,
  };
}
