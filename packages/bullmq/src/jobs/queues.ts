import type { BackendContext, Lease, LeaseRequest } from "@waybill/core/backend";
import type { Connections } from "../connection/connections.ts";
import { isRefusal, redisError } from "../errors.ts";
import type { JobToken } from "../scripts/ack-jobs.ts";
import type { Keys } from "../scripts/keys.ts";
import type { Scripts } from "../scripts/scripts.ts";
import type { Enqueue } from "./enqueue.ts";
import { drainInbox } from "./inbox.ts";
import { createLeaseQueue, type LeaseQueue } from "./lease.ts";
import { createLostJobs } from "./lost-jobs.ts";
import { createNotifier } from "./notifier.ts";

/** The queues this process leases from. A queue is opened by its first `lease`, and stays open. */
export interface Queues {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Acks jobs of one queue. Returns BullMQ's code of each. */
  ack(queue: string, done: readonly JobToken[]): Promise<readonly (number | Error)[]>;
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

export interface QueuesParts {
  readonly connections: Connections;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly context: BackendContext;
  readonly enqueue: Enqueue;
  /** This process; no other has the same. */
  readonly processId: string;
}

export function createQueues({ connections, scripts, keys, context, enqueue, processId }: QueuesParts): Queues {
  const { commands, blocking, address } = connections;
  const queues = new Map<string, LeaseQueue>();
  let calls = 0;
  const nextToken = (): string => `${processId}:${(calls += 1).toString(36)}`;

  /** As long as the look fails, jobs of dead workers stay leased. */
  const looked =
    (queue: string) =>
    (thrown: unknown): void => {
      const what = `look for lost jobs of ${queue}`;
      if (thrown === null) context.report.succeeded(what);
      else if (isRefusal(thrown)) context.report.failed(what, redisError(thrown, address));
    };

  function open(queue: string): LeaseQueue {
    const notifier = createNotifier(scripts.of(queue).toKey("marker"), commands, blocking);
    const look = (everyMs: number): Promise<unknown> =>
      Promise.all([scripts.returnLostJobs(queue, everyMs), scripts.sweepUniqueKeys()]);
    const lostJobs = createLostJobs(look, looked(queue));
    const leases = createLeaseQueue({ queue, scripts, notifier, lostJobs, nextToken });
    const inbox = drainInbox({ queue, keys, processId, commands, connect: blocking, address, context, enqueue });
    // So that an inspector finds the queue even if no process here ever enqueues.
    commands.sadd(keys.queues, queue).catch(() => undefined);
    return {
      ...leases,
      async close() {
        await Promise.all([leases.close(), inbox.close()]);
        await leases.released();
      },
    };
  }

  return {
    lease(request) {
      const known = queues.get(request.queue) ?? open(request.queue);
      queues.set(request.queue, known);
      return known.lease(request);
    },
    async ack(queue, done) {
      const known = queues.get(queue);
      if (known !== undefined) return known.ack(done);
      return (await scripts.ackJobs(scripts.base(queue), done, { token: "", count: 0, leaseMs: 0 })).codes;
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
