import type { DeadReason } from "../backend/contract.ts";
import type { ControlResult, JobControl, JobQuery, JobState, StoredJob } from "../backend/job-control.ts";
import { matchJobs } from "../backend/match-jobs.ts";
import { monotonicMs, wallMs } from "../time/clock.ts";
import type { Store } from "./store.ts";
import type { Stored } from "./stored.ts";

/** `assertOpen` throws BACKEND_CLOSED once the connection is closed. Needs unique ids: two messages of one id could not be told apart. */
export function createJobControl(store: Store, assertOpen: () => void): JobControl {
  const reasons = (): Map<Stored, DeadReason> => new Map([...store.dead].map(({ stored, reason }) => [stored, reason]));
  const stateOf = (stored: Stored): JobState => store.queue(stored.message.queue).state.stateOf(stored);

  function jobOf(stored: Stored, reason: DeadReason | null): StoredJob {
    const { id, type, queue, tenant, priority, body } = stored.message;
    const state = reason === null ? stateOf(stored) : "dead";
    const hasTime = (state === "delayed" || state === "leased") && stored.at !== Infinity;
    const dueAt = hasTime ? Math.ceil(wallMs() + (stored.at - monotonicMs())) : null;
    const { attempt, enqueuedAt } = stored;
    return { id, type, queue, state, tenant, priority, attempt, enqueuedAt, dueAt, reason, body };
  }

  /** Changes the jobs that wait, and says of each what became of it. Queues in which a job may have become ready are delivered. */
  async function change(ids: readonly string[], apply: (stored: Stored) => void): Promise<ControlResult[]> {
    assertOpen();
    const dead = reasons();
    const queues = new Set<string>();
    const results = ids.map((id): ControlResult => {
      const stored = store.ids.get(id);
      if (stored === undefined) return "absent";
      if (dead.has(stored)) return "dead";
      if (stateOf(stored) === "leased") return "leased";
      queues.add(stored.message.queue);
      store.queue(stored.message.queue).state.remove(stored);
      apply(stored);
      return "done";
    });
    for (const name of queues) store.queue(name).waiters.deliver();
    store.deliverWoken();
    return results;
  }

  return {
    async list(query: JobQuery) {
      assertOpen();
      const { limit = 100, after } = query;
      const matches = matchJobs(query);
      const dead = reasons();
      const jobs: StoredJob[] = [];
      let last = 0;
      // In the order of their enqueue, which neither a retry nor a replay changes.
      for (const stored of store.ids.values()) {
        if (after !== undefined && stored.seq <= Number(after)) continue;
        const job = jobOf(stored, dead.get(stored) ?? null);
        if (!matches(job)) continue;
        if (jobs.length === limit) return { jobs, next: String(last) };
        jobs.push(job);
        last = stored.seq;
      }
      return { jobs, next: null };
    },
    cancel: (ids) =>
      change(ids, (stored) => {
        stored.isUntouched = false;
        store.ids.delete(stored.message.id);
        store.uniqueKeys.ended(stored);
      }),
    reschedule: (ids, delayMs) =>
      change(ids, (stored) => store.queue(stored.message.queue).state.place(stored, delayMs)),
    async trace(id) {
      assertOpen();
      const stored = store.ids.get(id);
      if (stored === undefined) return null;
      if (reasons().has(stored)) return { place: "queue", ahead: null, higher: null, full: null };
      return store.queue(stored.message.queue).state.trace(stored);
    },
  };
}
