import type { Answer, Receipt, WaybillError } from "@waybill/core";
import { type Message, notStored } from "@waybill/core/backend";
import type { Options } from "amqplib";
import { refused, unavailable } from "./errors.ts";
import { messageProperties } from "./label.ts";
import { climbFor, LONGEST_DELAY_MS } from "./ladder.ts";
import type { Settings } from "./options.ts";
import type { Confirmed, Outgoing, Prepare, Publisher, Route } from "./publisher.ts";
import type { Setup } from "./setup.ts";
import { names } from "./topology.ts";

/** Stores messages: new ones, copies that wait again, and dead letters. */
export interface Sender {
  enqueue(messages: readonly Message[]): Promise<Answer<Receipt>[]>;
  /** One more copy of a message, after `delayMs`. Rejects if it is not certain to be stored. */
  again(queue: string, content: Buffer, properties: Options.Publish, delayMs: number): Promise<void>;
  /** To the dead letters, with the properties that say why. */
  bury(queue: string, content: Buffer, properties: Options.Publish): Promise<void>;
}

export function createSender(settings: Settings, publisher: Publisher, maxBodyBytes: number): Sender {
  const { prefix } = settings;

  function outgoing(queue: string, content: Buffer, properties: Options.Publish, delayMs: number): Climbing {
    const direct = { exchange: "", routingKey: names.work(prefix, queue) };
    if (delayMs <= 0) return { queue, rung: null, route: () => direct, content, properties };
    const until = performance.now() + delayMs;
    const route = (): Route => {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return direct;
      const { rung, routingKey } = climbFor(leftMs, queue);
      return { exchange: names.level(prefix, rung), routingKey };
    };
    return { queue, rung: climbFor(delayMs, queue).rung, route, content, properties };
  }

  const prepareFor =
    (list: readonly Climbing[]): Prepare =>
    ({ setup }) =>
      list.every((one) => setup.has(one.queue, one.rung)) ? null : prepare(setup, list);

  /** A queue that is gone is made again, and what came back for want of it is sent once more. */
  async function publish(list: readonly Climbing[]): Promise<(WaybillError | null)[]> {
    if (list.length === 0) return [];
    const answers = await publisher.publish(list, prepareFor(list));
    const back = list.filter((_, index) => answers[index] === "returned");
    if (back.length === 0) return answers.map(asError);
    const again = await publisher.publish(back, ({ setup }) => {
      setup.forgetAll();
      return prepare(setup, back);
    });
    let next = 0;
    return answers.map((answer) => asError(answer === "returned" ? (again[next++] ?? null) : answer));
  }

  async function store(one: Climbing): Promise<void> {
    const [error] = await publish([one]);
    if (error) throw error;
  }

  /** Why the message is not taken, or null. */
  function refusal(message: Message, content: Buffer): string | null {
    if (content.length > maxBodyBytes) {
      return `the body of job "${message.id}" has ${content.length} bytes, over the ${maxBodyBytes} allowed; store the data elsewhere and send a reference`;
    }
    if (message.priority !== 0) {
      return `job "${message.id}" has priority ${message.priority}, and there are none here; use one queue per priority and give the queues weights`;
    }
    if (message.delayMs > LONGEST_DELAY_MS) {
      return `job "${message.id}" is delayed ${message.delayMs} ms, over the ${LONGEST_DELAY_MS} allowed; let it hop`;
    }
    return null;
  }

  return {
    async enqueue(messages) {
      const answers: Answer<Receipt>[] = [];
      const taken: number[] = [];
      const list: Climbing[] = [];
      messages.forEach((message, index) => {
        const content = Buffer.from(message.body);
        const why = refusal(message, content);
        answers.push(
          why === null ? { ok: true, value: { id: message.id, stored: true } } : { ok: false, error: refused(why) },
        );
        if (why !== null) return;
        const dueAt = message.delayMs > 0 ? Math.ceil(Date.now() + message.delayMs) : null;
        list.push(outgoing(message.queue, content, messageProperties(message, dueAt), message.delayMs));
        taken.push(index);
      });
      const errors = await publish(list);
      errors.forEach((error, index) => {
        if (error !== null) answers[taken[index] ?? 0] = { ok: false, error };
      });
      return answers;
    },
    again: (queue, content, properties, delayMs) => store(outgoing(queue, content, properties, delayMs)),
    bury: (queue, content, properties) =>
      store({
        queue,
        rung: null,
        route: () => ({ exchange: "", routingKey: names.dead(prefix) }),
        content,
        properties,
      }),
  };
}

/** `rung`: the highest that it may rest on; null where it does not wait. */
interface Climbing extends Outgoing {
  readonly rung: number | null;
}

async function prepare(setup: Setup, list: readonly Climbing[]): Promise<void> {
  for (const queue of new Set(list.map((one) => one.queue))) await setup.queue(queue);
  const highest = Math.max(...list.map(({ rung }) => rung ?? -1));
  if (highest >= 0) await setup.ladder(highest);
}

const asError = (confirmed: Confirmed): WaybillError | null =>
  confirmed === "returned"
    ? notStored(unavailable("the queue is deleted as often as it is made; nothing was stored"))
    : confirmed;
