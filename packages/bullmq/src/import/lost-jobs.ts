import { createIORedisClient, QueueKeys, RedisConnection, RedisQueueBackend, type WorkerOptions } from "bullmq";
import type { Client } from "../connection/client.ts";

/** As BullMQ's own workers have it, unless an option says otherwise. */
const STALLED_MS = 30_000;
const MOST_STALLS = 1;

/**
 * Makes a function that returns jobs to their queue whose worker has died, by BullMQ's own script: its workers do the same, and one of all
 * of them does it in 30 s.
 */
export function openLostCheck(client: Client, prefix: string, queue: string): () => Promise<void> {
  let opened: RedisQueueBackend | null = null;

  async function open(): Promise<RedisQueueBackend> {
    const connection = new RedisConnection(client, { shared: true, blocking: false, skipVersionCheck: true });
    // The errors of the client are its owner's.
    connection.on("error", () => undefined);
    await connection.client;
    const options: WorkerOptions = {
      connection: createIORedisClient(client),
      prefix,
      maxStalledCount: MOST_STALLS,
      stalledInterval: STALLED_MS,
    };
    const keys = new QueueKeys(prefix);
    const toKey = (type: string): string => keys.toKey(queue, type);
    return new RedisQueueBackend(connection, queue, keys.getKeys(queue), toKey, options, undefined, false);
  }

  return async () => {
    opened ??= await open();
    await opened.moveStalledJobsToWait();
  };
}
