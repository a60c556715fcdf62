import type { DeadLetterQuery, Inspector } from "../inspector.ts";
import type { Dead, Store } from "./store.ts";

/** `ensureOpen` throws BACKEND_CLOSED once the connection is closed. */
export function createInspector(store: Store, ensureOpen: () => void): Inspector {
  function select(query: DeadLetterQuery = {}): Dead[] {
    ensureOpen();
    const ids = query.ids && new Set(query.ids);
    const found: Dead[] = [];
    for (const dead of [...store.dead].toReversed()) {
      if (found.length === (query.limit ?? 100)) break;
      const { id, queue } = dead.stored.message;
      if ((query.queue === undefined || query.queue === queue) && (ids === undefined || ids.has(id))) found.push(dead);
    }
    return found;
  }

  return {
    async counts() {
      ensureOpen();
      const deaths = new Map<string, number>();
      for (const { stored } of store.dead) {
        deaths.set(stored.message.queue, (deaths.get(stored.message.queue) ?? 0) + 1);
      }
      return [...store.queues]
        .map(([queue, { state }]) => ({ queue, ...state.count(), dead: deaths.get(queue) ?? 0, finished: 0 }))
        .filter((count) => count.ready + count.delayed + count.leased + count.dead > 0)
        .sort((a, b) => (a.queue < b.queue ? -1 : 1));
    },
    async deadLetters(query) {
      return select(query).map(({ stored, reason, diedAt }) => {
        const { id, type, queue, body } = stored.message;
        return { id, type, queue, reason, attempt: stored.attempt, diedAt, body };
      });
    },
    async replay(query) {
      const found = select(query);
      // Oldest first, so that the dead come back in the order they came.
      for (const dead of found.toReversed()) {
        const { stored } = dead;
        stored.attempt = 1;
        stored.lost = 0;
        stored.releases = 0;
        store.dead.delete(dead);
        const queue = store.queue(stored.message.queue);
        queue.state.place(stored, 0);
        queue.waiters.deliver();
      }
      return found.length;
    },
    async drop(query) {
      const found = select(query);
      for (const dead of found) {
        store.dead.delete(dead);
        store.ids.delete(dead.stored.message.id);
      }
      return found.length;
    },
  };
}
