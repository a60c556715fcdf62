import { DuplicateJobError, type Receipt, type Result } from "@waybill/core";
import { createLimitCheck, idConflict, type Message } from "@waybill/core/backend";
import { bullmqCapabilities } from "../capabilities.ts";
import type { Client } from "../connection/client.ts";
import { redisError } from "../errors.ts";
import type { Enqueued } from "../scripts/enqueue-jobs.ts";
import type { Keys } from "../scripts/keys.ts";
import type { Scripts } from "../scripts/scripts.ts";
import { contentOf, jobOf } from "./job-record.ts";

/** Stores messages. Returns a result for each, in order. Never rejects. */
export type Enqueue = (messages: readonly Message[]) => Promise<Result<Receipt>[]>;

/** Stores messages, each queue's in one step that also looks whether their ids are in use. */
export function createEnqueue(commands: Client, { enqueueJobs, base }: Scripts, keys: Keys, address: string): Enqueue {
  const listed = new Set<string>();
  commands.on("ready", () => listed.clear());

  /** So that an inspector finds the queue. */
  async function list(queue: string): Promise<void> {
    if (listed.has(queue)) return;
    await commands.sadd(keys.queues, queue);
    listed.add(queue);
  }

  function resultOf({ id, body, unique }: Message, enqueued: Enqueued): Result<Receipt> {
    switch (enqueued.kind) {
      case "stored": {
        const { replaced } = enqueued;
        return { ok: true, value: { id, stored: true, ...(replaced !== null && { replaced }) } };
      }
      case "known": {
        const same = contentOf(enqueued.data).envelope === body;
        return same ? { ok: true, value: { id, stored: false } } : { ok: false, error: idConflict(id) };
      }
      case "taken": {
        const duplicateOf = enqueued.by;
        // Its key outlives it.
        if (duplicateOf === id) return { ok: true, value: { id, stored: false } };
        if (unique?.onConflict === "ignore") return { ok: true, value: { id, stored: false, duplicateOf } };
        return { ok: false, error: new DuplicateJobError(id, duplicateOf) };
      }
      case "failed":
        return { ok: false, error: redisError(enqueued.error, address) };
    }
  }

  async function store(queue: string, messages: readonly Message[]): Promise<Result<Receipt>[]> {
    try {
      const now = Date.now();
      const jobs = messages.map((message) => jobOf(message, now));
      const [enqueued] = await Promise.all([enqueueJobs(base(queue), now, jobs), list(queue)]);
      return messages.map((message, index) => resultOf(message, enqueued[index] as Enqueued));
    } catch (thrown) {
      const error = redisError(thrown, address);
      return messages.map(() => ({ ok: false, error }));
    }
  }

  return async (messages) => {
    const excessOf = createLimitCheck({ ...bullmqCapabilities, maxBatchBytes: Infinity });
    const results: Result<Receipt>[] = [];
    const stored: number[] = [];
    for (const [index, message] of messages.entries()) {
      const error = excessOf(message);
      if (error !== null) results[index] = { ok: false, error };
      else stored.push(index);
    }
    async function storeAt(indexes: readonly number[]): Promise<void> {
      const some = indexes.map((index) => messages[index] as Message);
      const found = await store((some[0] as Message).queue, some);
      for (const [at, index] of indexes.entries()) results[index] = found[at] as Result<Receipt>;
    }
    const ordered = messages.some(({ unique }) => unique !== undefined);
    if (!ordered) await Promise.all(byQueue(messages, stored).map(storeAt));
    // Of equal jobs of two queues the first has the key.
    else for (const indexes of inRuns(messages, stored)) await storeAt(indexes);
    return results;
  };
}

function byQueue(messages: readonly Message[], indexes: readonly number[]): number[][] {
  const queues = new Map<string, number[]>();
  for (const index of indexes) {
    const { queue } = messages[index] as Message;
    const known = queues.get(queue);
    if (known === undefined) queues.set(queue, [index]);
    else known.push(index);
  }
  return [...queues.values()];
}

/** Neighbours of one queue together. */
function inRuns(messages: readonly Message[], indexes: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const index of indexes) {
    const run = runs.at(-1);
    const isNext = run !== undefined && messages[run[0] as number]?.queue === messages[index]?.queue;
    if (isNext) run.push(index);
    else runs.push([index]);
  }
  return runs;
}
