import { matchDeadLetters } from "../backend/match-dead-letters.ts";
import type { DeadLetterQuery, Inspector } from "../backend/inspector.ts";
import { keyTaken } from "../backend/shared/refusals.ts";
import type { WaybillError } from "../errors.ts";
import { monotonicMs } from "../time/clock.ts";
import type { Dead, Store } from "./store.ts";

/** `assertOpen` throws BACKEND_CLOSED once the connection is closed. */
export function createInspector(store: Store, assertOpen: () => void): Inspector {
  function select(query: DeadLetterQuery = {}): Dead[] {
    assertOpen();
    const matches = matchDeadLetters(query);
    const found: Dead[] = [];
    for (const dead of [...store.dead].toReversed()) {
      if (found.length === (query.limit ?? 100)) break;
      const { id, type, queue } = dead.stored.message;
      if (matches({ id, type, queue, reason: dead.reason, diedAt: dead.diedAt })) found.push(dead);
    }
    return found;
  }

  /** Returns the error of a dead letter whose unique key is taken, which stays one. */
  function replayOne(dead: Dead): WaybillError | null {
    const { stored } = dead;
    const { message } = stored;
    const rival = typeof message.unique?.until === "number" ? null : store.uniqueKeys.rivalOf(message);
    if (rival !== null) return keyTaken(message.id, rival.message.id, "replayed");
    Object.assign(stored, { attempt: 1, lost: 0, releases: 0, isUntouched: true });
    if (typeof message.unique?.until !== "number") store.uniqueKeys.take(stored);
    store.dead.delete(dead);
    const queue = store.queue(message.queue);
    queue.state.place(stored, 0);
    stored.due = monotonicMs();
    queue.waiters.deliver();
    return null;
  }

  return {
    async counts() {
      assertOpen();
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
      const conflicts: WaybillError[] = [];
      // Oldest first: replayed jobs run in the order in which they died.
      for (const dead of found.toReversed()) {
        const conflict = replayOne(dead);
        if (conflict !== null) conflicts.push(conflict);
      }
      if (conflicts[0] !== undefined) throw conflicts[0];
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
