import { type Answer, type Message, type Receipt, toError, WaybillError } from "@waybill/core";
import { createIORedisClient, type IRedisClient } from "bullmq";
import { bullmqCapabilities } from "./capabilities.ts";
import type { Client } from "./connections.ts";
import { idConflict, redisError } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { contentOf, jobOf } from "./label.ts";
import type { ScriptBook } from "./scripts.ts";

export type Enqueue = (messages: readonly Message[]) => Promise<Answer<Receipt>[]>;

/** What Redis held under an id, and what BullMQ then answered. */
interface Outcome {
  readonly before: Readonly<Record<string, string>>;
  readonly error: Error | null;
}

/** Stores messages, each queue's in one transaction: what was there before is read in the same step. */
export function createEnqueue(commands: Client, scripts: ScriptBook, keys: Keys, address: string): Enqueue {
  const client: IRedisClient = createIORedisClient(commands);
  const listed = new Set<string>();
  commands.on("ready", () => listed.clear());

  /** So that an inspector finds the queue. */
  async function list(queue: string): Promise<void> {
    if (listed.has(queue)) return;
    await commands.sadd(keys.queues, queue);
    listed.add(queue);
  }

  async function together(queue: string, messages: readonly Message[]): Promise<Outcome[]> {
    const now = Date.now();
    const bullmq = scripts.of(queue);
    const transaction = client.multi();
    for (const message of messages) {
      transaction.hgetall(bullmq.toKey(message.id));
      void bullmq.addJobToTransaction(transaction, jobOf(message, now), message.id);
    }
    const replies = (await Promise.all([transaction.exec(), list(queue)]))[0];
    if (replies === null) throw new Error("the transaction was not carried out");
    return messages.map((_, index) => {
      const [readError, before] = replies[2 * index] ?? [null, {}];
      const [addError] = replies[2 * index + 1] ?? [null];
      return { before: before as Record<string, string>, error: readError ?? addError };
    });
  }

  /** Redis may forget a script (SCRIPT FLUSH), and says so too late for a transaction: once more, by itself. */
  async function alone(queue: string, message: Message): Promise<Outcome> {
    const bullmq = scripts.of(queue);
    const before = await commands.hgetall(bullmq.toKey(message.id));
    const error = await bullmq.addJob(jobOf(message, Date.now()), message.id).then(() => null, toError);
    return { before, error };
  }

  function answer(message: Message, { before, error }: Outcome): Answer<Receipt> {
    if (error !== null) return { ok: false, error: redisError(error, address) };
    if (before["name"] === undefined) return { ok: true, value: { id: message.id, stored: true } };
    const same = before["data"] !== undefined && contentOf(before["data"]).envelope === message.body;
    return same ? { ok: true, value: { id: message.id, stored: false } } : { ok: false, error: idConflict(message.id) };
  }

  async function ofQueue(queue: string, messages: readonly Message[]): Promise<Answer<Receipt>[]> {
    try {
      const outcomes = await together(queue, messages);
      return await Promise.all(
        messages.map(async (message, index) => {
          const outcome = outcomes[index] ?? { before: {}, error: null };
          const forgotten = outcome.error?.message.includes("NOSCRIPT") ?? false;
          return answer(message, forgotten ? await alone(queue, message) : outcome);
        }),
      );
    } catch (thrown) {
      const error = redisError(thrown, address);
      return messages.map(() => ({ ok: false, error }));
    }
  }

  return async (messages) => {
    const answers = messages.map((message, index) => refused(message, index));
    const queues = new Map<string, number[]>();
    for (const [index, { queue }] of messages.entries()) {
      if (answers[index] === null) grouped(queues, queue).push(index);
    }
    const stores = [...queues].map(async ([queue, places]) => {
      const stored = await ofQueue(
        queue,
        places.map((place) => messages[place] as Message),
      );
      for (const [at, place] of places.entries()) answers[place] = stored[at] ?? null;
    });
    await Promise.all(stores);
    return answers as Answer<Receipt>[];
  };
}

function refused(message: Message, index: number): Answer<Receipt> | null {
  const { maxBatch, maxBodyBytes } = bullmqCapabilities;
  const refuse = (text: string): Answer<Receipt> => ({
    ok: false,
    error: new WaybillError("CAPABILITY_MISSING", `job "${message.id}": ${text}`),
  });
  if (index >= maxBatch) return refuse(`beyond the ${maxBatch} messages taken at once; split the batch`);
  // UTF-8 takes at most three bytes a UTF-16 unit, so most bodies need no count.
  if (message.body.length * 3 <= maxBodyBytes || Buffer.byteLength(message.body) <= maxBodyBytes) return null;
  return refuse(`the body is over ${maxBodyBytes} bytes; store the data elsewhere and enqueue a reference`);
}

function grouped(queues: Map<string, number[]>, queue: string): number[] {
  const known = queues.get(queue) ?? [];
  queues.set(queue, known);
  return known;
}
