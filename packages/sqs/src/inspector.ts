import { GetQueueAttributesCommand, ListQueuesCommand } from "@aws-sdk/client-sqs";
import { type DeadLetter, type DeadLetterQuery, type Inspector, type QueueCounts, WaybillError } from "@waybill/core";
import type { Batches, Outgoing } from "./batches.ts";
import type { Send } from "./client.ts";
import type { DeadLetters, Letter } from "./dead-letters.ts";
import { sqsError } from "./errors.ts";
import { groupOf } from "./label.ts";
import type { Settings } from "./options.ts";
import { queueOf, type Queues } from "./queues.ts";

/** SQS's own counts are approximate, and it tells nobody how long a message has waited: `oldestWaitMs` is always null. */
export function createInspector(
  send: Send,
  batches: Batches,
  queues: Queues,
  deadLetters: DeadLetters,
  settings: Settings,
  ensureOpen: () => void,
): Inspector {
  async function attributesOf(url: string): Promise<Record<string, number>> {
    const { Attributes = {} } = await send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }));
    return Object.fromEntries(Object.entries(Attributes).map(([name, value]) => [name, Number(value)]));
  }

  async function countOf(queue: string, url: string | null, dead: number): Promise<QueueCounts> {
    const unreadable: string[] = [];
    const counts =
      url === null
        ? {}
        : await attributesOf(url).catch((thrown: unknown): Record<string, number> => {
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

  /** By queue. An empty dead-letter queue is not looked into: a look takes a second and hides what it finds. */
  async function deaths(): Promise<ReadonlyMap<string, number>> {
    const counts = await attributesOf(queues.dead.url);
    if (counts["ApproximateNumberOfMessages"] === 0) return new Map();
    return deadLetters.look(null, async (letters) => {
      const value = new Map<string, number>();
      for (const { queue } of letters) value.set(queue, (value.get(queue) ?? 0) + 1);
      return { gone: new Set<Letter>(), value };
    });
  }

  /** Each stored in its queue first, then removed; one that cannot be stored stays a dead letter, and the error says why. */
  async function sendBack(letters: readonly Letter[]): Promise<Change> {
    const stored: Letter[] = [];
    const errors: WaybillError[] = [];
    // Nothing is made or sent to by a name that only an attribute has.
    const sound = letters.filter(({ damage }) => damage === undefined);
    for (const name of new Set(sound.map(({ queue }) => queue))) {
      // Oldest first and ten at a time, so that the dead come back in the order they came.
      const own = sound.filter((letter) => letter.queue === name).toReversed();
      const queue = await queues.find(name).catch((thrown: unknown) => sqsError(thrown, `finding the queue "${name}"`));
      if (queue instanceof WaybillError) errors.push(...own.map(() => queue));
      else {
        for (let from = 0; from < own.length; from += 10) {
          const ten = own.slice(from, from + 10);
          const outgoing = ten.map((letter) => revived(letter, settings.fifo));
          const answers = await batches.send(queue, outgoing);
          stored.push(...ten.filter((_, index) => answers[index]?.ok === true));
          errors.push(...answers.flatMap((answer) => (answer.ok ? [] : [answer.error])));
        }
      }
    }
    const removed = await remove(stored);
    return { gone: removed.gone, errors: [...errors, ...removed.errors] };
  }

  async function remove(letters: readonly Letter[]): Promise<Change> {
    const answers = await batches.remove(
      queues.dead,
      letters.map(({ id, handle }) => ({ job: id, handle })),
    );
    return {
      gone: new Set(letters.filter((_, index) => answers[index]?.ok === true)),
      errors: answers.flatMap((answer) => (answer.ok ? [] : [answer.error])),
    };
  }

  /** How many; rejects with the first error once all others are through. */
  async function change(
    what: string,
    query: DeadLetterQuery,
    act: (letters: readonly Letter[]) => Promise<Change>,
  ): Promise<number> {
    const { gone, errors } = await deadLetters.look(query, async (letters) => {
      const value = await act(letters);
      return { gone: value.gone, value, did: `${value.gone.size} dead letters were ${what}` };
    });
    const [first] = errors;
    if (first === undefined) return gone.size;
    const text = `${gone.size} dead letters were ${what}, ${errors.length} were not: ${first.message}`;
    throw new WaybillError(first.code, text, { cause: first });
  }

  return {
    async counts() {
      ensureOpen();
      try {
        const [found, dead] = await Promise.all([listQueues(send, settings), deaths()]);
        const urls = new Map<string, string | null>([...dead.keys()].map((queue) => [queue, null]));
        for (const { queue, url } of found) urls.set(queue, url);
        const counts = await Promise.all([...urls].map(([queue, url]) => countOf(queue, url, dead.get(queue) ?? 0)));
        return counts
          .filter((one) => one.ready + one.delayed + one.leased + one.dead > 0 || one.unreadable !== undefined)
          .sort(byQueue);
      } catch (thrown) {
        throw sqsError(thrown, "counting messages");
      }
    },
    async deadLetters(query = {}) {
      ensureOpen();
      return deadLetters.look(query, async (letters) => ({ gone: new Set<Letter>(), value: letters.map(shown) }));
    },
    async replay(query = {}) {
      ensureOpen();
      return change("replayed", query, sendBack);
    },
    async drop(query = {}) {
      ensureOpen();
      return change("dropped", query, remove);
    },
  };
}

const byQueue = (one: { readonly queue: string }, other: { readonly queue: string }): number =>
  one.queue < other.queue ? -1 : 1;

interface Change {
  readonly gone: ReadonlySet<Letter>;
  /** One for each letter that is still there, though there is nothing wrong with it. */
  readonly errors: readonly WaybillError[];
}

/** The queues of the prefix and type, by name. */
async function listQueues(send: Send, { prefix, fifo }: Settings): Promise<{ queue: string; url: string }[]> {
  const found: { queue: string; url: string }[] = [];
  let token: string | undefined;
  do {
    const page = new ListQueuesCommand({ QueueNamePrefix: `${prefix}-`, MaxResults: 1_000, NextToken: token });
    const { QueueUrls = [], NextToken } = await send(page);
    for (const url of QueueUrls) {
      const name = url.split("/").at(-1) ?? "";
      const queue = queueOf(prefix, name);
      if (queue !== null && name.endsWith(".fifo") === fifo) found.push({ queue, url });
    }
    token = NextToken;
  } while (token !== undefined);
  return found.sort(byQueue);
}

/** As it was first enqueued: no attempt, nothing lost, nothing released. */
function revived({ id, messageId, text, attributes, label }: Letter, fifo: boolean): Outgoing {
  const kept = Object.entries(attributes).filter(([name]) => !/^waybill-(delivery|queue|code|reason)$/.test(name));
  const group = label === null ? messageId : groupOf(label);
  return {
    job: id,
    text,
    attributes: Object.fromEntries(kept),
    delaySeconds: 0,
    group: fifo || (label !== null && label.tenant !== null) ? group : null,
    dedupe: fifo ? messageId : null,
  };
}

const shown = ({ id, type, queue, reason, attempt, diedAt, body, damage }: Letter): DeadLetter => ({
  id,
  type,
  queue,
  reason,
  attempt,
  diedAt,
  body,
  ...(damage !== undefined && { damage }),
});
