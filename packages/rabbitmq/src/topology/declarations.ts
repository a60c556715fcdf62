import type { Channel, ChannelModel } from "amqplib";
import { declareError } from "../errors.ts";
import type { Settings } from "../options.ts";
import { type Declarable, deadLetterQueue, delayLevel, workQueue } from "./topology.ts";

/** Declares queues and exchanges, each once per connection. Calls reject CONFIG_INVALID when the broker refuses. */
export interface Declarations {
  deadLetterQueue(): Promise<void>;
  /** The work queue of `queue`, and the dead-letter queue. */
  queue(queue: string): Promise<void>;
  /** The delay levels up to `highest`, and no more: a first short delay does not wait for the long levels. */
  delayLevels(highest: number): Promise<void>;
  /** Whether `queue(queue)` and, unless `level` is null, `delayLevels(level)` have resolved. */
  has(queue: string, level: number | null): boolean;
  /** Makes the next `queue` call declare it again: the broker reported that the queue is gone. */
  forget(queue: string): void;
  forgetAll(): void;
}

export function createDeclarations(settings: Settings, model: ChannelModel): Declarations {
  const pending = new Map<string, Promise<void>>();
  const done = new Set<string>();
  let channel: Promise<Channel> | null = null;

  /** A refused declaration closes its channel, so declarations have a channel of their own. */
  function openChannel(): Promise<Channel> {
    channel ??= model.createChannel().then((opened) => {
      opened.on("error", () => undefined);
      opened.on("close", () => (channel = null));
      return opened;
    });
    return channel;
  }

  async function declare(list: readonly Declarable[]): Promise<void> {
    for (const one of list) {
      try {
        const opened = await openChannel();
        await (settings.declare ? one.declare(opened) : one.check(opened));
      } catch (thrown) {
        channel = null;
        throw declareError(thrown, one.name);
      }
    }
  }

  async function once(key: string, list: () => readonly Declarable[]): Promise<void> {
    if (done.has(key)) return;
    let work = pending.get(key);
    if (work === undefined) {
      work = declare(list())
        .then(() => void done.add(key))
        .finally(() => pending.delete(key));
      pending.set(key, work);
    }
    await work;
  }

  const declareDeadLetterQueue = (): Promise<void> => once("dead", () => deadLetterQueue(settings));
  const queueKey = (queue: string): string => `queue ${queue}`;
  const levelKey = (level: number): string => `level ${level}`;
  return {
    deadLetterQueue: declareDeadLetterQueue,
    async queue(queue) {
      await declareDeadLetterQueue();
      await once(queueKey(queue), () => workQueue(settings, queue));
    },
    async delayLevels(highest) {
      // Upwards, since a message that leaves a level needs the one below.
      for (let level = 0; level <= highest; level += 1) await once(levelKey(level), () => delayLevel(settings, level));
    },
    has: (queue, level) => done.has(queueKey(queue)) && (level === null || done.has(levelKey(level))),
    forget: (queue) => void done.delete(queueKey(queue)),
    forgetAll: () => done.clear(),
  };
}
