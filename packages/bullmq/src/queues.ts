import type { BackendContext, Lease, LeaseRequest } from "@waybill/core/backend";
import type { Held } from "./batches.ts";
import { type Claim, createClaim } from "./claim.ts";
import type { Connections } from "./connections.ts";
import type { Enqueue } from "./enqueue.ts";
import { isRefusal, redisError } from "./errors.ts";
import { drainInbox } from "./inbox.ts";
import type { Keys } from "./keys.ts";
import { createLine, type Line } from "./line.ts";
import type { ScriptBook } from "./scripts.ts";
import { createWake } from "./wake.ts";

/** The queues this process leases from. A queue is opened when it is first asked for, and then kept. */
export interface Queues {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Acks of one queue, and with them, in the same step, as many jobs as somebody here waits for. */
  finish(queue: string, held: readonly Held[]): Promise<(number | Error)[]>;
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

export interface QueuesSettings {
  readonly connections: Connections;
  readonly scripts: ScriptBook;
  readonly keys: Keys;
  readonly context: BackendContext;
  readonly enqueue: Enqueue;
  /** This process, as no other is called. */
  readonly me: string;
}

interface Open {
  readonly line: Line;
  readonly claim: Claim;
  close(): Promise<void>;
}

export function createQueues({ connections, scripts, keys, context, enqueue, me }: QueuesSettings): Queues {
  const { commands, blocking, address } = connections;
  const queues = new Map<string, Open>();
  let calls = 0;
  const nextToken = (): string => `${me}:${(calls += 1).toString(36)}`;

  /** Jobs whose worker died stay where they are for as long as the look for them fails. */
  const looked =
    (queue: string) =>
    (thrown: unknown): void => {
      const what = `look for lost jobs of ${queue}`;
      if (thrown === null) context.report.succeeded(what);
      else if (isRefusal(thrown)) context.report.failed(what, redisError(thrown, address));
    };

  function open(queue: string): Open {
    const claim = createClaim(queue, scripts, nextToken, looked(queue));
    const line = createLine(claim, createWake(scripts.of(queue).toKey("marker"), commands, blocking));
    const inbox = drainInbox({ queue, keys, drainer: me, commands, connect: blocking, address, context, enqueue });
    // So that an inspector finds it even if nobody here ever enqueues.
    commands.sadd(keys.queues, queue).catch(() => undefined);
    return {
      line,
      claim,
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
    async finish(queue, held) {
      const known = queues.get(queue);
      const reserved = known?.line.reserve(held.length) ?? { count: 0, leaseMs: 0 };
      const token = nextToken();
      const expiresAt = Date.now() + reserved.leaseMs;
      let leases: Lease[] = [];
      try {
        const along = { token, count: reserved.count, leaseMs: Math.ceil(reserved.leaseMs) };
        const taken = await scripts.batches.finish(scripts.base(queue), held, along);
        leases = known?.claim.found(taken, token, expiresAt) ?? [];
        return taken.codes;
      } finally {
        if (reserved.count > 0) known?.line.arrived(leases, reserved);
      }
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
