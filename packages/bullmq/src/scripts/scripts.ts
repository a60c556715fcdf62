import { createIORedisClient, type MinimalJob, RedisConnection, RedisQueueBackend, type WorkerOptions } from "bullmq";
import type { Client } from "../connection/client.ts";
import type { Connections } from "../connection/connections.ts";
import { type AckJobs, defineAckJobs } from "./ack-jobs.ts";
import { type ChangeJobs, defineChangeJobs } from "./change-jobs.ts";
import { defineDescribeJobs, type DescribeJobs } from "./describe-jobs.ts";
import { defineEnqueueJobs, type EnqueueJobs } from "./enqueue-jobs.ts";
import { bullmqKeysOf, bullmqName, type Keys } from "./keys.ts";
import { defineLeaseJobs, type LeaseJobs } from "./lease-jobs.ts";
import { defineReplayJob, type ReplayJob } from "./replay-job.ts";
import { defineSweepUniqueKeys } from "./sweep-unique-keys.ts";
import { createOwnerKeys } from "./unique-keys.ts";

/** BullMQ's own scripts for one queue. */
export type QueueScripts = RedisQueueBackend;

/** The scripts that run inside Redis. What happens to a job is always BullMQ's own script; only the loop over many is ours. */
export interface Scripts {
  of(queue: string): QueueScripts;
  /** What a queue's keys begin with, its last colon included. */
  base(queue: string): string;
  readonly enqueueJobs: EnqueueJobs;
  /** The same on another connection. */
  enqueueJobsOn(client: Client): EnqueueJobs;
  readonly leaseJobs: LeaseJobs;
  readonly ackJobs: AckJobs;
  readonly replayJob: ReplayJob;
  readonly describeJobs: DescribeJobs;
  readonly changeJobs: ChangeJobs;
  /** Removes a few unique keys whose job another program removed, if it is time and this process has seen any. */
  sweepUniqueKeys(): Promise<void>;
  /** Returns jobs whose lock has ended to their queue. One process of all does it in `everyMs`. */
  returnLostJobs(queue: string, everyMs: number): Promise<unknown>;
}

const ANY_CHECK_MS = 1_000;

/** BullMQ is driven below its `Queue` and `Worker`: both bring a loop, a timer and a connection of their own. */
export async function openScripts(
  { commands, refused }: Connections,
  { prefix, owners: ownerKeys }: Keys,
): Promise<Scripts> {
  const connection = new RedisConnection(commands, { shared: true, blocking: false, skipVersionCheck: true });
  connection.on("error", () => undefined);
  await connection.client;
  const owners = createOwnerKeys(ownerKeys);
  const opened = new Map<string, QueueScripts>();

  function open(queue: string, stalledInterval: number): QueueScripts {
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

  function ofQueue(queue: string, stalledInterval: number): QueueScripts {
    const name = `${queue} ${stalledInterval}`;
    const known = opened.get(name) ?? open(queue, stalledInterval);
    opened.set(name, known);
    return known;
  }

  function errorOf(message: string): Error {
    refused(message);
    return new Error(message);
  }

  return {
    of: (queue) => ofQueue(queue, ANY_CHECK_MS),
    base: (queue) => `${prefix}:${bullmqName(queue)}:`,
    enqueueJobs: defineEnqueueJobs(commands, owners, errorOf),
    enqueueJobsOn: (client) => defineEnqueueJobs(client, owners, errorOf),
    leaseJobs: defineLeaseJobs(commands, errorOf),
    ackJobs: defineAckJobs(commands, owners, errorOf),
    replayJob: defineReplayJob(commands, owners),
    describeJobs: defineDescribeJobs(commands),
    changeJobs: defineChangeJobs(commands, owners),
    sweepUniqueKeys: defineSweepUniqueKeys(commands, `${prefix}:`, owners),
    // A little less than asked for, so that a process that looks regularly is not refused for a millisecond.
    returnLostJobs: (queue, everyMs) => ofQueue(queue, Math.max(1, Math.floor(everyMs * 0.8))).moveStalledJobsToWait(),
  };
}

/** What BullMQ reads of a job that it finishes: it takes the whole of one, and looks at these two. */
export const jobRef = (id: string): MinimalJob => ({ id, opts: { attempts: 1 } }) as unknown as MinimalJob;
