import type { Announced, Roster } from "@waybill/core/backend";
import type { Query } from "./database.ts";
import { announceWorker, liveWorkers, withdrawWorker } from "./sql/roster.ts";

/** `query` rejects once the backend is closed. */
export function createRoster(query: Query, schema: string): Roster {
  const announce = announceWorker(schema);
  const withdraw = withdrawWorker(schema);
  const live = liveWorkers(schema);
  return {
    async announce(id, facts, ttlMs) {
      await query(announce, [id, facts, String(ttlMs)]);
    },
    async withdraw(id) {
      await query(withdraw, [id]);
    },
    list: async () => [...(await query(live))] as Announced[],
  };
}
