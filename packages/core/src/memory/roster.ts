import type { Roster } from "../roster.ts";
import type { Store } from "./store.ts";

/** `ensureOpen` throws BACKEND_CLOSED once the connection is closed. */
export function createRoster({ workers }: Store, ensureOpen: () => void): Roster {
  return {
    async announce(id, facts, ttlMs) {
      ensureOpen();
      workers.set(id, { facts, heardAt: performance.now(), ttlMs });
    },
    async withdraw(id) {
      ensureOpen();
      workers.delete(id);
    },
    async list() {
      ensureOpen();
      const now = performance.now();
      for (const [id, { heardAt, ttlMs }] of workers) if (now - heardAt >= ttlMs) workers.delete(id);
      return [...workers]
        .map(([id, { facts, heardAt }]) => ({ id, facts, heardMs: now - heardAt }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    },
  };
}
