import type { Channel, ChannelModel } from "amqplib";
import { declareError } from "./errors.ts";
import type { Settings } from "./options.ts";
import { createTopology, type Declarable } from "./topology.ts";

/** Makes what a job needs on the broker before it is used: once per connection, so again after each reconnect. */
export interface Setup {
  /** The work queue behind `queue`, and what it needs. Rejects CONFIG_INVALID when the broker refuses. */
  queue(queue: string): Promise<void>;
  /** The rungs for delays, up to that one: a first short delay does not wait for those that take days. */
  ladder(highest: number): Promise<void>;
  dead(): Promise<void>;
  /** True once `queue`, and `ladder` of that rung unless it is null, have resolved. */
  has(queue: string, rung: number | null): boolean;
  /** Makes the next `queue` call look again: the broker said that the queue is gone. */
  forget(queue: string): void;
  forgetAll(): void;
}

export function createSetup(settings: Settings, model: ChannelModel): Setup {
  const topology = createTopology(settings);
  const underway = new Map<string, Promise<void>>();
  const done = new Set<string>();
  let channel: Promise<Channel> | null = null;

  /** A refused declaration costs the channel, so declarations have one of their own. */
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
        await (settings.declare ? one.make(opened) : one.look(opened));
      } catch (thrown) {
        channel = null;
        throw declareError(thrown, one.name);
      }
    }
  }

  function once(key: string, list: () => readonly Declarable[]): Promise<void> {
    if (done.has(key)) return Promise.resolve();
    let work = underway.get(key);
    if (work === undefined) {
      work = declare(list())
        .then(() => void done.add(key))
        .finally(() => underway.delete(key));
      underway.set(key, work);
    }
    return work;
  }

  const keyOf = (queue: string): string => `queue ${queue}`;
  const rungKey = (rung: number): string => `rung ${rung}`;
  return {
    async queue(queue) {
      await once("dead", () => topology.dead());
      await once(keyOf(queue), () => topology.queue(queue));
    },
    async ladder(highest) {
      // Upwards: what leaves a rung finds the one below.
      for (let rung = 0; rung <= highest; rung += 1) await once(rungKey(rung), () => topology.rung(rung));
    },
    dead: () => once("dead", () => topology.dead()),
    has: (queue, rung) => done.has(keyOf(queue)) && (rung === null || done.has(rungKey(rung))),
    forget: (queue) => void done.delete(keyOf(queue)),
    forgetAll: () => done.clear(),
  };
}
