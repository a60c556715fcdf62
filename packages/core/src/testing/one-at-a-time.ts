import type { Backend } from "../backend/contract.ts";
import type { Store } from "../memory/store.ts";

/** Limits a worker on several queues to one lease at a time. */
export interface OneAtATime {
  readonly lease: Backend["lease"];
  /** Whether none of this number of ready jobs can be leased: the last call found none, since their types are paused. */
  isExhausted(queue: string, ready: number): boolean;
  /** From now on, leases one job at a time over these queues: the one that has been due longest. */
  begin(queues: ReadonlySet<string>): void;
  /** From now on, leases nothing: waiting calls return none when their signal aborts. `done` restores the usual leasing. */
  end(): { done(): void };
}

/**
 * Replaces the `lease` of a store for tests. A worker leases from each queue separately and releases jobs without a slot; in a
 * test these releases would be reported although no job had run.
 */
export function createOneAtATime(store: Store, backend: Backend): OneAtATime {
  /** Null: leases as usual. */
  let queues: ReadonlySet<string> | null = null;
  /** The lease token of the running job. */
  let token: unknown = null;
  let isAsking = false;
  /** How many jobs of a queue were ready when none could be leased. */
  const exhausted = new Map<string, number>();

  const isExhausted = (queue: string, ready: number): boolean => exhausted.get(queue) === ready;

  function isNext(queue: string): boolean {
    let next: string | null = null;
    let longest = -1;
    for (const name of queues ?? []) {
      const { oldestWaitMs: waitedMs = null, ready = 0 } = store.queues.get(name)?.state.count() ?? {};
      if (waitedMs !== null && !isExhausted(name, ready) && waitedMs > longest) [next, longest] = [name, waitedMs];
    }
    return next === queue;
  }

  return {
    async lease(request) {
      if (queues === null) return backend.lease(request);
      while (!request.signal.aborted) {
        if (!isAsking && !store.leases.has(token) && isNext(request.queue)) {
          isAsking = true;
          const found = await backend.lease({ ...request, limit: 1, waitMs: 0 }).finally(() => (isAsking = false));
          if (found[0] !== undefined) {
            token = found[0].token;
            exhausted.clear();
            return found;
          }
          exhausted.set(request.queue, store.queue(request.queue).state.count().ready);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      return [];
    },
    isExhausted,
    begin(named) {
      queues = named;
      exhausted.clear();
    },
    end() {
      queues = new Set();
      return { done: () => void (queues = null) };
    },
  };
}
