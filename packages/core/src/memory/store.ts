import type { DeadReason } from "../backend.ts";
import type { Capabilities } from "../capabilities.ts";
import { createQueueState, type QueueState } from "./queue-state.ts";
import type { Stored } from "./stored.ts";
import { createWaiters, type Waiters } from "./waiters.ts";

export interface Queue {
  readonly state: QueueState;
  readonly waiters: Waiters;
}

export interface Dead {
  readonly stored: Stored;
  readonly reason: DeadReason;
  /** Unix milliseconds. */
  readonly diedAt: number;
}

export interface AnnouncedWorker {
  readonly facts: string;
  /** On the monotonic clock. */
  readonly heardAt: number;
  readonly ttlMs: number;
}

/** Everything the connections of one memory backend share. Garbage once no connection and no factory points to it. */
export interface Store {
  readonly has: Capabilities;
  readonly queues: ReadonlyMap<string, Queue>;
  /** Made on first use. */
  queue(name: string): Queue;
  /** Running deliveries by token. */
  readonly leases: Map<unknown, Stored>;
  /** Messages by id, until they are done. Empty where `uniqueIds` is false. */
  readonly ids: Map<string, Stored>;
  /** In the order they died. */
  readonly dead: Set<Dead>;
  /** Workers that were announced, by id. */
  readonly workers: Map<string, AnnouncedWorker>;
  nextSeq(): number;
}

export function createStore(has: Capabilities): Store {
  const queues = new Map<string, Queue>();
  const leases = new Map<unknown, Stored>();
  let seq = 0;
  const nextSeq = (): number => ++seq;

  return {
    has,
    queues,
    leases,
    ids: new Map(),
    dead: new Set(),
    workers: new Map(),
    nextSeq,
    queue(name) {
      let queue = queues.get(name);
      if (queue === undefined) {
        const state = createQueueState(has, leases, nextSeq);
        queue = { state, waiters: createWaiters(state) };
        queues.set(name, queue);
      }
      return queue;
    },
  };
}
