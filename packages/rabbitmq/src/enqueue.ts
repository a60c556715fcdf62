import type { Receipt, Result } from "@waybill/core";
import { type Capabilities, createLimitCheck, type Message } from "@waybill/core/backend";
import type { Options } from "amqplib";
import type { Outgoing, Publisher } from "./connection/publisher.ts";
import { messageProperties } from "./message/label.ts";
import { delayRoute } from "./topology/delay-levels.ts";
import { names } from "./topology/topology.ts";

/** Stores messages: new ones, copies of delivered ones, and dead letters. */
export interface Writer {
  enqueue(messages: readonly Message[]): Promise<Result<Receipt>[]>;
  /** Stores a copy that is delivered after `delayMs`. Rejects unless the copy is certainly stored. */
  copy(queue: string, content: Buffer, properties: Options.Publish, delayMs: number): Promise<void>;
  /** Stores a dead letter. Rejects unless it is certainly stored. */
  deadLetter(queue: string, content: Buffer, properties: Options.Publish): Promise<void>;
}

export function createWriter(prefix: string, publisher: Publisher, capabilities: Capabilities): Writer {
  function outgoing(queue: string, content: Buffer, properties: Options.Publish, delayMs: number): Outgoing {
    const direct = { exchange: "", routingKey: names.workQueue(prefix, queue) };
    if (delayMs <= 0) return { queue, level: null, route: () => direct, content, properties };
    const until = performance.now() + delayMs;
    const route: Outgoing["route"] = () => {
      const remainingMs = until - performance.now();
      if (remainingMs <= 0) return direct;
      const { level, routingKey } = delayRoute(remainingMs, queue);
      return { exchange: names.levelExchange(prefix, level), routingKey };
    };
    return { queue, level: delayRoute(delayMs, queue).level, route, content, properties };
  }

  async function store(message: Outgoing): Promise<void> {
    const [error] = await publisher.publish([message]);
    if (error) throw error;
  }

  return {
    async enqueue(messages) {
      const refusalOf = createLimitCheck({ ...capabilities, maxBatch: Infinity, maxBatchBytes: Infinity });
      const refusals = messages.map(refusalOf);
      const list = messages
        .filter((_, index) => refusals[index] === null)
        .map((message) => {
          const dueAt = message.delayMs > 0 ? Math.ceil(Date.now() + message.delayMs) : null;
          const properties = messageProperties(message, dueAt);
          return outgoing(message.queue, Buffer.from(message.body), properties, message.delayMs);
        });
      const published = (await publisher.publish(list)).values();
      return messages.map(({ id }, index): Result<Receipt> => {
        const error = refusals[index] ?? published.next().value ?? null;
        return error === null ? { ok: true, value: { id, stored: true } } : { ok: false, error };
      });
    },
    copy: (queue, content, properties, delayMs) => store(outgoing(queue, content, properties, delayMs)),
    deadLetter: (queue, content, properties) =>
      store({
        queue,
        level: null,
        route: () => ({ exchange: "", routingKey: names.deadLetterQueue(prefix) }),
        content,
        properties,
      }),
  };
}
