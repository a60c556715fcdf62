import { GetQueueAttributesCommand, ListQueuesCommand } from "@aws-sdk/client-sqs";
import type { DeadLetter, Inspector, QueueCounts } from "@waybill/core";
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

  /** Stored in its queue first, then removed; what cannot be stored stays a dead letter. */
  async function sendBack(letters: readonly Letter[]): Promise<ReadonlySet<Letter>> {
    const stored: Letter[] = [];
    // Nothing is made or sent to by a name that only an attribute has.
    const known = letters.filter(({ damage }) => damage === undefined);
    for (const name of new Set(known.map(({ queue }) => queue))) {
      const queue = await queues.find(name);
      // Oldest first and ten at a time, so that the dead come back in the order they came.
      const own = known.filter((letter) => letter.queue === name).toReversed();
      for (let from = 0; from < own.length; from += 10) {
        const ten = own.slice(from, from + 10);
        const answers = await batches.send(
          queue,
          ten.map((letter) => revived(letter, settings.fifo)),
        );
        stored.push(...ten.filter((_, index) => answers[index]?.ok === true));
      }
    }
    return remove(stored);
  }

  async function remove(letters: readonly Letter[]): Promise<ReadonlySet<Letter>> {
    const answers = await batches.remove(
      queues.dead,
      letters.map(({ id, handle }) => ({ job: id, handle })),
    );
    return new Set(letters.filter((_, index) => answers[index]?.ok === true));
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
          .sort((one, other) => (one.queue < other.queue ? -1 : 1));
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
      return deadLetters.look(query, async (letters) => {
        const gone = await sendBack(letters);
        return { gone, value: gone.size };
      });
    },
    async drop(query = {}) {
      ensureOpen();
      return deadLetters.look(query, async (letters) => {
        const gone = await remove(letters);
        return { gone, value: gone.size };
      });
    },
  };
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
  return found.sort((one, other) => (one.queue < other.queue ? -1 : 1));
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
