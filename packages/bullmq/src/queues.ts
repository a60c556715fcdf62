import type { Admit, Lease, LeaseRequest } from "@waybill/core";
import { createClaim } from "./claim.ts";
import type { Connections } from "./connections.ts";
import type { Enqueue } from "./enqueue.ts";
import { drainInbox } from "./inbox.ts";
import type { Keys } from "./keys.ts";
import { createLine, type Line } from "./line.ts";
import type { ScriptBook } from "./scripts.ts";
import { createWake } from "./wake.ts";

/** The queues this process leases from. A queue is opened when it is first asked for, and then kept. */
export interface Queues {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Null for a queue nobody leases from here. */
  lineOf(queue: string): Line | null;
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

export interface QueuesSettings {
  readonly connections: Connections;
  readonly scripts: ScriptBook;
  readonly keys: Keys;
  readonly admit: Admit;
  readonly enqueue: Enqueue;
  /** This process, as no other is called. */
  readonly me: string;
}

interface Open {
  readonly line: Line;
  close(): Promise<void>;
}

export function createQueues({ connections, scripts, keys, admit, enqueue, me }: QueuesSettings): Queues {
  const { commands, blocking } = connections;
  const queues = new Map<string, Open>();
  let tokens = 0;
  const nextToken = (): string => `${me}:${(tokens += 1)}`;

  function open(queue: string): Open {
    const claim = createClaim(queue, scripts, nextToken);
    const line = createLine(claim, createWake(scripts.of(queue).toKey("marker"), commands, blocking));
    const inbox = drainInbox({ queue, keys, drainer: me, commands, connect: blocking, admit, enqueue });
    // So that an inspector finds it even if nobody here ever enqueues.
    commands.sadd(keys.queues, queue).catch(() => undefined);
    return {
      line,
      async close() {
        await Promise.all([line.close(), inbox.close()]);
        await claim.settled();
      },
    };
  }

  return {
    lease(request) {
      let known = queues.get(request.queue);
      if (known === undefined) queues.set(request.queue, (known = open(request.queue)));
      return known.line.lease(request);
    },
    lineOf: (queue) => queues.get(queue)?.line ?? null,
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
