import type { DeadReason } from "../backend/contract.ts";
import type { Capabilities } from "../backend/capabilities.ts";
import type { Ledger } from "../backend/ledger.ts";
import type { RecordStore } from "../backend/record-store.ts";
import { createLedger } from "./ledger.ts";
import { createRecordStore } from "./record-store.ts";
import { createLimitKeys, type Home } from "./limit-keys.ts";
import { createQueueState, type QueueState } from "./queue-state.ts";
import type { Stored } from "./stored.ts";
import { createQueueWaiters, type QueueWaiters } from "./queue-waiters.ts";
import { createUniqueKeys, type UniqueKeys } from "./unique-keys.ts";

export interface Queue {
  readonly state: QueueState;
  readonly waiters: QueueWaiters;
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

/** What the connections of one memory backend share. */
export interface Store {
  readonly has: Capabilities;
  readonly queues: ReadonlyMap<string, Queue>;
  /** Returns the queue, and makes it at the first use. */
  queue(name: string): Queue;
  /** Leased messages by token. */
  readonly leases: Map<unknown, Stored>;
  /** Messages by id, until they are acked or dropped. Empty where `uniqueIds` is false. */
  readonly ids: Map<string, Stored>;
  /** The unique keys that are taken. */
  readonly uniqueKeys: UniqueKeys;
  /** In the order they died. */
  readonly dead: Set<Dead>;
  /** Workers that were announced, by id. */
  readonly workers: Map<string, AnnouncedWorker>;
  readonly ledger: Ledger;
  /** The records of a scope, the same at each call. */
  records(scope: string): RecordStore;
  nextSeq(): number;
  /** Serves the waiting calls of the queues in which a job was woken by the end of another's lease. */
  deliverWoken(): void;
}

export function createStore(has: Capabilities): Store {
  const queues = new Map<string, Queue>();
  const leases = new Map<unknown, Stored>();
  const uniqueKeys = createUniqueKeys(has);
  const recordStores = new Map<string, RecordStore>();
  let seq = 0;
  const nextSeq = (): number => ++seq;
  const homes = new Map<Home, Queue>();
  const woken = new Set<Home>();
  const limitKeys = createLimitKeys((home) => woken.add(home));
  const states = new Set<QueueState>();

  function deliverWoken(): void {
    if (woken.size === 0) return;
    const waking = [...woken];
    woken.clear();
    for (const home of waking) homes.get(home)?.waiters.deliver();
  }

  return {
    has,
    queues,
    leases,
    ids: new Map(),
    uniqueKeys,
    dead: new Set(),
    workers: new Map(),
    ledger: createLedger(nextSeq),
    records(scope) {
      const store = recordStores.get(scope) ?? createRecordStore();
      recordStores.set(scope, store);
      return store;
    },
    nextSeq,
    deliverWoken,
    queue(name) {
      let queue = queues.get(name);
      if (queue === undefined) {
        const state = createQueueState({ has, leases, limitKeys, uniqueKeys, nextToken: nextSeq });
        queue = { state, waiters: createQueueWaiters(state, states, deliverWoken) };
        queues.set(name, queue);
        homes.set(state, queue);
        states.add(state);
      }
      return queue;
    },
  };
}
