import type { WorkerRegistry } from "../backend/worker-registry.ts";
import { monotonicMs } from "../time/clock.ts";
import type { Store } from "./store.ts";

/** `assertOpen` throws BACKEND_CLOSED once the connection is closed. */
export function createWorkerRegistry({ workers }: Store, assertOpen: () => void): WorkerRegistry {
  return {
    async announce(id, facts, ttlMs) {
      assertOpen();
      workers.set(id, { facts, heardAt: monotonicMs(), ttlMs });
    },
    async withdraw(id) {
      assertOpen();
      workers.delete(id);
    },
    async list() {
      assertOpen();
      const now = monotonicMs();
      for (const [id, { heardAt, ttlMs }] of workers) if (now - heardAt >= ttlMs) workers.delete(id);
      return [...workers]
        .map(([id, { facts, heardAt }]) => ({ id, facts, heardMs: now - heardAt }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    },
  };
}
