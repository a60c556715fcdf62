import { type Answer, type Receipt, WaybillError } from "@waybill/core";
import type { Message } from "@waybill/core/backend";
import type { Added } from "./batches.ts";
import { bullmqCapabilities } from "./capabilities.ts";
import type { Client } from "./connections.ts";
import { idConflict, redisError } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { contentOf, jobOf } from "./label.ts";
import type { ScriptBook } from "./scripts.ts";

export type Enqueue = (messages: readonly Message[]) => Promise<Answer<Receipt>[]>;

/** Stores messages, each queue's in one step that also looks whether their ids are taken. */
export function createEnqueue(commands: Client, { batches, base }: ScriptBook, keys: Keys, address: string): Enqueue {
  const listed = new Set<string>();
  commands.on("ready", () => listed.clear());

  /** So that an inspector finds the queue. */
  async function list(queue: string): Promise<void> {
    if (listed.has(queue)) return;
    await commands.sadd(keys.queues, queue);
    listed.add(queue);
  }

  function answer(message: Message, added: Added | undefined): Answer<Receipt> {
    const { id, body } = message;
    if (added?.kind === "stored") return { ok: true, value: { id, stored: true } };
    if (added?.kind === "failed") return { ok: false, error: redisError(added.error, address) };
    const same = added !== undefined && contentOf(added.data).envelope === body;
    return same ? { ok: true, value: { id, stored: false } } : { ok: false, error: idConflict(id) };
  }

  async function ofQueue(queue: string, messages: readonly Message[]): Promise<Answer<Receipt>[]> {
    try {
      const now = Date.now();
      const jobs = messages.map((message) => jobOf(message, now));
      const [added] = await Promise.all([batches.add(base(queue), now, jobs), list(queue)]);
      return messages.map((message, index) => answer(message, added[index]));
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
