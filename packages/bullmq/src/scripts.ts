import { createIORedisClient, type MinimalJob, RedisConnection, RedisQueueBackend, type WorkerOptions } from "bullmq";
import { type Batches, createBatches } from "./batches.ts";
import type { Connections } from "./connections.ts";
import { bullmqKeysOf, bullmqName } from "./keys.ts";

/** BullMQ's own scripts for one queue. */
export type Scripts = RedisQueueBackend;

export interface ScriptBook {
  of(queue: string): Scripts;
  /** What a queue's keys begin with, its last colon included. */
  base(queue: string): string;
  readonly batches: Batches;
  /** BullMQ's look for jobs whose lock has ended; of all processes, one does it in `everyMs`. */
  lookForLost(queue: string, everyMs: number): Promise<unknown>;
}

const ANY_CHECK_MS = 1_000;

/** BullMQ is driven below its `Queue` and `Worker`: both bring a loop, a timer and a connection of their own. */
export async function openScripts({ commands, refused }: Connections, prefix: string): Promise<ScriptBook> {
  const connection = new RedisConnection(commands, { shared: true, blocking: false, skipVersionCheck: true });
  connection.on("error", () => undefined);
  await connection.client;
  const book = new Map<string, Scripts>();

  function make(queue: string, stalledInterval: number): Scripts {
    const options: WorkerOptions = {
      connection: createIORedisClient(commands),
      prefix,
      // How often a job may lose its worker is core's decision.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      stalledInterval,
    };
    const { keys, toKey } = bullmqKeysOf(prefix, queue);
    return new RedisQueueBackend(connection, bullmqName(queue), keys, toKey, options, undefined, false);
  }

  function known(queue: string, stalledInterval: number): Scripts {
    const name = `${queue} ${stalledInterval}`;
    const found = book.get(name);
    if (found !== undefined) return found;
    const made = make(queue, stalledInterval);
    book.set(name, made);
    return made;
  }

  return {
    of: (queue) => known(queue, ANY_CHECK_MS),
    base: (queue) => `${prefix}:${bullmqName(queue)}:`,
    batches: createBatches(commands, refused),
    // A little less than asked for, so that whoever looks regularly is not turned away by a millisecond.
    lookForLost: (queue, everyMs) => known(queue, Math.max(1, Math.floor(everyMs * 0.8))).moveStalledJobsToWait(),
  };
}

/** What BullMQ reads of a job that it finishes: it takes the whole of one, and looks at these two. */
export const jobRef = (id: string): MinimalJob => ({ id, opts: { attempts: 1 } }) as unknown as MinimalJob;
